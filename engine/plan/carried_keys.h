// Group keys that records of an exchange carry.
#pragma once
#include "engine/plan/plan.h"

namespace engine {

// Returns the input of an aggregation if it is an exchange whose records carry the groups' keys in the bytes that the
// aggregation would write; null if the aggregation must encode them itself.
const InputStep* carried_keys(const StagePlan& stage, const PlanNode& aggregation);

}  // namespace engine
