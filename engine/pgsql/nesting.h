// How deep the tree of a long text can be, before libpg_query descends it by a recursion that nothing else bounds.
#pragma once
#include <string>

#include "base/result.h"
#include "engine/sql/ast_expression.h"

namespace engine::pgsql {

// Fails with LimitExceeded where the text has more words than kMaxPostgresWords, or so many of them between two commas, within
// all the brackets around them, that its tree might be deeper than a thread's stack; with SyntaxError where it has no words.
Status check_nesting(const std::string& text);

// libpg_query's tree has what is behind SET (a, b, ...) = once for each of the columns. Fails with LimitExceeded where that is
// longer than kMostRepeatedBytes.
Status check_assigned_rows(const std::string& text);
inline constexpr size_t kMostRepeatedBytes = 256 * 1024;

// An expression, and all within it.
size_t parts_of(const Expression& expression);
// Of what is written out more than once: calls within calls would double it each time.
inline constexpr size_t kMostRepeatedParts = 256;

}  // namespace engine::pgsql
