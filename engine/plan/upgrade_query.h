// CREATE OR REPLACE ... AS: the plan that takes the place of a running query's, and goes on with its
// positions and its state (docs/adr/0031).
#pragma once
#include "base/result.h"
#include "engine/plan/plan.h"

namespace engine {

// `next` as the query may go on with it: what it keeps lies where `old` has put it.
//
// A filter's condition may change, also where there was none; so may what the result's columns are computed
// from, and new ones may follow the old ones (check_replaceable() looks at their names and types). All else is
// what the stored rows, groups and records mean, and must be the same. Fails with InvalidStatement, in ksqlDB's
// words, where it is not; with NotSupported where only what was kept is too little.
Result<QueryPlan> upgrade_query(const QueryPlan& old, QueryPlan next);

}  // namespace engine
