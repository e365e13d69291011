// Finds out whether the records of an exchange carry the keys of groups.
#pragma once
#include "engine/plan/plan.h"

namespace engine {

// Returns the exchange that is the input of an aggregation, if its records carry the keys of the groups in the bytes
// that the aggregation would write. Returns null if the aggregation must encode the keys itself.
const InputStep* carried_keys(const StagePlan& stage, const PlanNode& aggregation);

}  // namespace engine
