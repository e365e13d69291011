// Estimates how deep the tree of a long text can be, before libpg_query processes it by a recursion without a limit of
// its own.
#pragma once
#include <string>

#include "base/result.h"
#include "engine/sql/ast_expression.h"

namespace engine::pgsql {

// Fails with LimitExceeded if the text has more than kMaxPostgresWords words, or if the number of words between two
// commas, added up over all enclosing brackets, allows a tree that might exceed a thread's stack. Fails with
// SyntaxError if the text cannot be split into words.
Status check_nesting(const std::string& text);

// libpg_query's tree repeats the text after SET (a, b, ...) = for each of the columns. Fails with LimitExceeded if the
// repeated text is longer than kMostRepeatedBytes.
Status check_assigned_rows(const std::string& text);
inline constexpr size_t kMostRepeatedBytes = 256 * 1024;

// The number of nodes of an expression.
size_t parts_of(const Expression& expression);
// Limit for expressions that are written more than once: nested calls would double them each time.
inline constexpr size_t kMostRepeatedParts = 256;

}  // namespace engine::pgsql
