// Supported joins (dialect, section 13).
#pragma once
#include "engine/plan/analysis.h"

namespace engine {

// Fails if the two sides cannot be joined in this way, independent of the rest of the query.
// `left_is_table`: whether the previous joins give a table.
Status check_join(const AnalysedJoin& join, const Analysis& analysis, bool left_is_table,
                  const PlanContext& context);

}  // namespace engine
