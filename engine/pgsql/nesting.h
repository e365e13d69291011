// Checks a text by its words, without parsing it. Most of these checks run before libpg_query,
// because it processes a text by recursion without a limit on the depth.
#pragma once
#include <string>

#include "base/result.h"
#include "engine/sql/ast_expression.h"

namespace engine::pgsql {

class Converter;

// Fails with LimitExceeded if the text has more than kMaxPostgresWords words. Also fails with it if
// the syntax tree might be too deep for the stack of a thread; this is estimated from the number of
// words between two commas, added up over all enclosing brackets. Fails with SyntaxError if the
// text cannot be split into words.
Status check_nesting(const std::string& text);

// Fails with LimitExceeded if libpg_query would repeat more than kMostRepeatedBytes of the text.
// For SET (a, b, ...) = expression, its tree repeats the expression for each of the columns.
Status check_assigned_rows(const std::string& text);
inline constexpr size_t kMostRepeatedBytes = 256 * 1024;

// Fails with SyntaxError if the text has EMIT, CHANGES or FINAL as an alias without AS (engine/sql/half_clause.h). The
// caller knows from the tree that a relation has this alias.
Status check_half_clauses(const std::string& text, const Converter& positions);

// Returns the number of nodes of an expression.
size_t parts_of(const Expression& expression);
// Limit on parts_of() of expressions that are written more than once, because each level of nested calls would double
// them.
inline constexpr size_t kMostRepeatedParts = 256;

}  // namespace engine::pgsql
