// Validates a plan that was read from the metadata log, before operators are built from it.
#pragma once
#include "engine/plan/plan.h"

namespace engine {

// Fails with CorruptRecord if the plan refers to a node, store, column or exchange that does not
// exist.
Status check_plan(const QueryPlan& plan);

}  // namespace engine
