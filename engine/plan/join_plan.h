// The FROM clause of a query with joins, as steps: inputs, repartitions, look-ups.
#pragma once
#include "engine/plan/analysis.h"
#include "engine/plan/select_plan.h"
#include "engine/plan/stage_builder.h"

namespace engine {

struct PlannedJoins {
  int key_column = -1;                // of the layout: what the joined rows are keyed by
  std::vector<int> key_columns = {};  // likewise, of tables: all of them
  int store = -1;  // of tables: where the joined rows are kept, under that key's bytes
  FormatSpec key_format = {};
  // An error where a join is not supported: it is planned as far as its columns go, so that whatever
  // else is wrong with the statement is heard of first.
  Status support = {};
};

// Adds the steps to `builder`, whose layout is then that of all sources together. Fails on joins
// that no query may have (dialect, 13).
Result<PlannedJoins> plan_joins(const Analysis& analysis, const SelectTarget& target,
                                const PlanContext& context, StageBuilder& builder);

}  // namespace engine
