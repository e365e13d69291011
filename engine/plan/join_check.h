// Which joins there are (dialect, section 13).
#pragma once
#include "engine/plan/analysis.h"

namespace engine {

// Fails where the two sides cannot be joined so, whatever else the query does. `left_is_table`
// tells what the joins before this one give.
Status check_join(const AnalysedJoin& join, const Analysis& analysis, bool left_is_table,
                  const PlanContext& context);

}  // namespace engine
