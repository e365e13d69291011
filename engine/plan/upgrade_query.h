// Plans CREATE OR REPLACE ... AS: computes the plan that replaces the plan of a running query and continues with the
// query's positions and state (docs/adr/0031).
#pragma once
#include "base/result.h"
#include "engine/plan/plan.h"

namespace engine {

// Returns `next`, changed so that the query can continue with this plan: the state remains in the stores where `old`
// has put it.
//
// The condition of a filter may change, and a filter may be added. The expressions of the result's columns may
// change, too, and new columns may follow the old ones (check_replaceable() checks their names and types). All other
// parts determine the meaning of stored rows, groups and records, so they must be equal. If they are not, the
// function fails with InvalidStatement, in ksqlDB's words, or with NotSupported if the state merely lacks columns.
Result<QueryPlan> upgrade_query(const QueryPlan& old, QueryPlan next);

}  // namespace engine
