// Plans materialized views.
#pragma once
#include "engine/plan/query_plan.h"
#include "engine/query/select_rows.h"

namespace engine {

// Plans CREATE MATERIALIZED VIEW: the SELECT with PostgreSQL's meanings, the identity of its rows, the topic of the view
// and the stage of its task. Fails with the errors of the SELECT, with NotSupported for a shape that no view has, and with
// DuplicateSource. Sets `if_not_exists_hit` if the relation exists and the statement has IF NOT EXISTS.
Result<PlannedQuery> plan_materialized_view(const CreateView& create,
                                            const ParsedStatement& statement,
                                            const PlanContext& context, const EvalContext& eval);

}  // namespace engine
