// Plans the FROM clause of a query with joins as steps: inputs, repartitions, look-ups.
#pragma once
#include "engine/plan/analysis.h"
#include "engine/plan/select_plan.h"
#include "engine/plan/stage_builder.h"

namespace engine {

struct PlannedJoins {
  int key_column = -1;                // layout column that is the key of the joined rows
  std::vector<int> key_columns = {};  // tables: all key columns
  int store = -1;  // tables: store of the joined rows, under the bytes of that key
  FormatSpec key_format = {};
  // An error if a join is not supported: its columns are planned nevertheless, so that other errors of the statement
  // are reported first.
  Status support = {};
};

// Adds the steps to `builder`, whose layout is then that of all sources together. Fails on joins that no query may have
// (dialect, 13).
Result<PlannedJoins> plan_joins(const Analysis& analysis, const SelectTarget& target,
                                const PlanContext& context, StageBuilder& builder);

}  // namespace engine
