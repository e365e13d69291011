// That a plan from outside holds together, before anything is built from it.
#pragma once
#include "engine/plan/plan.h"

namespace engine {

// Fails with CorruptRecord when something in the plan refers to a node, store, column or exchange
// that is not there.
Status check_plan(const QueryPlan& plan);

}  // namespace engine
