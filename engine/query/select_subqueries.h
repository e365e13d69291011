// Plans the sub-queries of a SELECT. A step evaluates them, and the result of each becomes a column
// after the step's own columns.
#pragma once
#include <string>
#include <vector>

#include "engine/query/rows_planning.h"

namespace engine {

struct BoundSubquery {
  AppendSubquery step;  // its input is not set
  std::string text;
  SqlType type;
};

// Expressions that a step has computed. Their values are columns that follow the step's own columns.
struct Appended {
  Layout layout;
  std::vector<Scope::Substitute> substitutes;
};

// Binds the sub-query `expression`. Its result becomes the next column of `beside`. A sub-query may
// use columns of its outer query in equalities of its WHERE; if it uses them in other ways, it is
// rewritten to read the outer rows. Fails with NotSupported if it cannot be rewritten.
Result<BoundSubquery> bind_subquery(const Expression& expression, const SelectNames& names,
                                    RowsPlanning& planning, Appended& beside);

// Applies the limits of a query that reads the outer rows to each group of rows that are equal in their first `keys`
// columns.
PlannedRows cut_by_keys(PlannedRows rows, size_t keys, const RowLimits& limits);

// Returns `node` with one column appended for each sub-query.
RowsNodePtr append(RowsNodePtr node, std::vector<BoundSubquery> subqueries);

// Returns whether the query uses a name without a qualifier that is both the name of one of its
// sources and the name of a column of the outer query. Such a name refers to the column.
bool names_sources_as_columns(const Query& query, const Layout& around);

// Splits a AND b AND c into its operands.
void split(const Expression& condition, std::vector<const Expression*>& out);
// Binds the expression. A bare NULL gets the type string.
Result<BoundExpression> bind_value(const Expression& expression, const Scope& scope);

}  // namespace engine
