// Checks whether a join is supported (dialect, section 13).
#pragma once
#include "engine/plan/analysis.h"

namespace engine {

// Fails if the two sides cannot be joined in this way, whatever the other parts of the query are.
// `left_is_table` is set if the previous joins give a table.
Status check_join(const AnalysedJoin& join, const Analysis& analysis, bool left_is_table,
                  const PlanContext& context);

}  // namespace engine
