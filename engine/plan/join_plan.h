// Plans the FROM clause of a query with joins as steps: inputs, repartitions and look-ups.
#pragma once
#include "engine/plan/analysis.h"
#include "engine/plan/select_plan.h"
#include "engine/plan/stage_builder.h"

namespace engine {

struct PlannedJoins {
  int key_column = -1;                // layout column that is the key of the joined rows
  std::vector<int> key_columns = {};  // tables: all key columns of the layout
  int store = -1;                     // tables: store of the joined rows, by the bytes of their key
  FormatSpec key_format = {};
  // An error if the join is not supported. The columns are planned in spite of it, so that other
  // errors of the statement are reported first.
  Status support = {};
};

// Adds the steps of the joins to `builder`, whose layout then has the columns of all sources. Fails
// if a condition, a type or a window of a join is not allowed in any query (docs/sql/joins.md).
Result<PlannedJoins> plan_joins(const Analysis& analysis, const SelectTarget& target,
                                const PlanContext& context, StageBuilder& builder);

}  // namespace engine
