// Rewriting the expressions of a statement in place.
#pragma once
#include <functional>

#include "base/result.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Which of an expression and its parts the visitor sees first. What it has put in place of an expression it does not see.
enum class RewriteOrder : uint8_t { ChildrenFirst, ParentsFirst };
using RewriteVisitor = std::function<Status(ExpressionPtr&)>;

// All parts of the expression, and those of the queries within it, of which it gets copies of its own. Ends with the
// first error of the visitor.
Status rewrite_expression(ExpressionPtr& expression, const RewriteVisitor& visit,
                          RewriteOrder order);
// All expressions of the query: of its lists and clauses, of joins, of the queries that it reads and that stand within.
Status rewrite_expressions(Query& query, const RewriteVisitor& visit, RewriteOrder order);

// The function that stands for = ANY of an array that is not written down: (array, x).
inline constexpr std::string_view kEqualAny = "PG_CATALOG.EQUAL_ANY";
// x = ANY(array), as PostgreSQL's clients send lists: x IN (its elements), or that function.
ExpressionPtr equal_to_any(ExpressionPtr left, ExpressionPtr array, TextPosition position);

}  // namespace engine
