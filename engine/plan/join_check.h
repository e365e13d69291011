// Checks whether a join is supported (docs/sql/joins.md).
#pragma once
#include "engine/plan/analysis.h"

namespace engine {

// Fails if sources of these kinds (streams, tables) cannot be joined by this type of join.
// `left_is_table`: the result of the previous joins is a table.
Status check_join(const AnalysedJoin& join, const Analysis& analysis, bool left_is_table,
                  const PlanContext& context);

}  // namespace engine
