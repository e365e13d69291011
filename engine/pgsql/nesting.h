// Checks a text by its words alone. Most of these checks run before libpg_query, which processes the text by a
// recursion without a limit.
#pragma once
#include <string>

#include "base/result.h"
#include "engine/sql/ast_expression.h"

namespace engine::pgsql {

class Converter;

// Fails with LimitExceeded if the text has more than kMaxPostgresWords words, or if the number of words between two
// commas, added up over all enclosing brackets, allows a tree that might exceed a thread's stack. Fails with
// SyntaxError if the text cannot be split into words.
Status check_nesting(const std::string& text);

// Fails with LimitExceeded if libpg_query would repeat more than kMostRepeatedBytes of text: its tree repeats the text
// after SET (a, b, ...) = for each of the columns.
Status check_assigned_rows(const std::string& text);
inline constexpr size_t kMostRepeatedBytes = 256 * 1024;

// Fails with SyntaxError if the text has EMIT or FINAL as an alias without AS (engine/sql/half_clause.h). The caller knows
// from the tree that a relation has this alias.
Status check_half_clauses(const std::string& text, const Converter& positions);

// Returns the number of nodes of an expression.
size_t parts_of(const Expression& expression);
// Limit on parts_of() of expressions that are written more than once, because each level of nested calls would double
// them.
inline constexpr size_t kMostRepeatedParts = 256;

}  // namespace engine::pgsql
