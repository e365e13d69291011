// The sub-queries of a SELECT: each becomes a column behind those of the step that it is asked beside.
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

// Expressions that a step has computed, and where they stand behind its own columns.
struct Appended {
  Layout layout;
  std::vector<Scope::Substitute> substitutes;
};

// Binds the sub-query `expression` over `beside`, whose next column it becomes. One that refers to the query around it
// does so in equalities of its WHERE; else fails with NotSupported.
Result<BoundSubquery> bind_subquery(const Expression& expression, const SelectNames& names,
                                    RowsPlanning& planning, Appended& beside);

// The limits of a query that reads the rows around it: of those with the same first columns.
PlannedRows cut_by_keys(PlannedRows rows, size_t keys, const RowLimits& limits);

// `node` with a column more for each.
RowsNodePtr append(RowsNodePtr node, std::vector<BoundSubquery> subqueries);

// Whether a name alone is that of one of the query's sources and of a column around it, which it means then.
bool names_sources_as_columns(const Query& query, const Layout& around);

// a AND b AND c as they are written, one by one.
void split(const Expression& condition, std::vector<const Expression*>& out);
// A bare NULL is a string.
Result<BoundExpression> bind_value(const Expression& expression, const Scope& scope);

}  // namespace engine
