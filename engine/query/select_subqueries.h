// Sub-queries of a SELECT: each becomes a column behind the columns of the step that evaluates it.
#pragma once
#include <string>
#include <vector>

#include "engine/query/rows_planning.h"

namespace engine {

struct BoundSubquery {
  AppendSubquery step;  // without its input
  std::string text;
  SqlType type;
};

// Expressions that a step has computed, as columns behind its own columns.
struct Appended {
  Layout layout;
  std::vector<Scope::Substitute> substitutes;
};

// Binds the sub-query `expression`; its result becomes the next column of `beside`. A sub-query that refers to its
// outer query must do so in equalities of its WHERE, or be rewritten to read the outer rows; otherwise fails with
// NotSupported.
Result<BoundSubquery> bind_subquery(const Expression& expression, const SelectNames& names,
                                    RowsPlanning& planning, Appended& beside);

// Applies the limits of a query that reads the outer rows: to each group of rows with equal first columns.
PlannedRows cut_by_keys(PlannedRows rows, size_t keys, const RowLimits& limits);

// Returns `node` with one column appended for each sub-query.
RowsNodePtr append(RowsNodePtr node, std::vector<BoundSubquery> subqueries);

// Returns whether a bare name in the query is that of one of its sources and also of a column around it, which it
// refers to.
bool names_sources_as_columns(const Query& query, const Layout& around);

// Splits a AND b AND c into its operands.
void split(const Expression& condition, std::vector<const Expression*>& out);
// A bare NULL has type string.
Result<BoundExpression> bind_value(const Expression& expression, const Scope& scope);

}  // namespace engine
