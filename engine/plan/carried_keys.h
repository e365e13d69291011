// Determines whether the records of an exchange contain the keys of an aggregation's groups.
#pragma once
#include "engine/plan/plan.h"

namespace engine {

// Returns the exchange that is the input of an aggregation if its records contain the keys of the
// groups in the encoding of the aggregation. Returns null if the aggregation must encode the keys
// itself.
const InputStep* carried_keys(const StagePlan& stage, const PlanNode& aggregation);

}  // namespace engine
