// Rewriting the expressions of a statement in place.
#pragma once
#include <functional>

#include "base/result.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Whether the visitor is called for an expression before or after its parts. It is not called for its replacements.
enum class RewriteOrder : uint8_t { ChildrenFirst, ParentsFirst };
using RewriteVisitor = std::function<Status(ExpressionPtr&)>;

// Visits all parts of the expression and of the queries within it, which are copied for it. Ends with the visitor's
// first error.
Status rewrite_expression(ExpressionPtr& expression, const RewriteVisitor& visit,
                          RewriteOrder order);
// Visits all expressions of the query: in its lists and clauses, in joins, in the queries that it reads, and in nested
// queries.
Status rewrite_expressions(Query& query, const RewriteVisitor& visit, RewriteOrder order);

// The function for = ANY of an array that is not a literal: (array, x).
inline constexpr std::string_view kEqualAny = "PG_CATALOG.EQUAL_ANY";
// x = ANY(array), as PostgreSQL's clients send lists: becomes x IN (its elements), or a call of
// kEqualAny.
ExpressionPtr equal_to_any(ExpressionPtr left, ExpressionPtr array, TextPosition position);

}  // namespace engine
