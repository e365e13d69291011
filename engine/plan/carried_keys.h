// Where the keys of groups come from.
#pragma once
#include "engine/plan/plan.h"

namespace engine {

// The input of an aggregation when it is an exchange whose records carry the groups' keys, as bytes that the
// aggregation would write; null where it must write them itself.
const InputStep* carried_keys(const StagePlan& stage, const PlanNode& aggregation);

}  // namespace engine
