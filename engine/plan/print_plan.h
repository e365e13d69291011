// PRINT and ASSERT: what is asked of a topic and its schemas as they are, whatever streams or tables lie over them.
#pragma once
#include "engine/plan/query_plan.h"
#include "engine/registry/registry.h"

namespace engine {

// The records from the end on, or from the beginning. Columns: the key's bytes, the value's, ROWTIME, ROWPARTITION,
// ROWOFFSET. Its limit counts records that are read, also those between two that are shown. Fails with UnknownTopic.
Result<PlannedQuery> plan_print(const Print& print, const PlanContext& context);

// What does not hold, in ksqlDB's words; nothing when all does.
Result<std::optional<std::string>> refute(const AssertTopic& assertion, const Topics& topics);
Result<std::optional<std::string>> refute(const AssertSchema& assertion,
                                          const SchemaRegistry& registry);

}  // namespace engine
