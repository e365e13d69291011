// Rewrites the expressions of a statement in place.
#pragma once
#include <functional>

#include "base/result.h"
#include "engine/sql/ast_query.h"

namespace engine {

// The visitor is called for an expression before or after its parts. It is not called for the parts of its own
// replacements.
enum class RewriteOrder : uint8_t { ChildrenFirst, ParentsFirst };
using RewriteVisitor = std::function<Status(ExpressionPtr&)>;

// Visits all parts of the expression and of the queries within it. The queries are copied before they are changed. Ends
// with the visitor's first error.
Status rewrite_expression(ExpressionPtr& expression, const RewriteVisitor& visit,
                          RewriteOrder order);
// Visits all expressions of the query: those in its lists and clauses, in joins, in the queries that it reads, and in
// nested queries.
Status rewrite_expressions(Query& query, const RewriteVisitor& visit, RewriteOrder order);

// The name of the function for x = ANY(array) if the array is not a literal. Its arguments are the array and x.
inline constexpr std::string_view kEqualAny = "PG_CATALOG.EQUAL_ANY";
// Returns x = ANY(array), with which PostgreSQL's clients send lists, as x IN (elements) or as a
// call of kEqualAny.
ExpressionPtr equal_to_any(ExpressionPtr left, ExpressionPtr array, TextPosition position);

}  // namespace engine
