// PRINT and ASSERT: statements about a topic and its schemas as they are, independent of streams and tables over them.
#pragma once
#include "engine/plan/query_plan.h"
#include "engine/registry/registry.h"

namespace engine {

// Plans to read the records from the end on, or from the beginning. Columns: the key's bytes, the value's, ROWTIME,
// ROWPARTITION, ROWOFFSET. Its limit counts the records read, including those skipped between two shown ones. Fails
// with UnknownTopic.
Result<PlannedQuery> plan_print(const Print& print, const PlanContext& context);

// Returns the violated part of the assertion, in ksqlDB's words; nullopt if all of it holds.
Result<std::optional<std::string>> refute(const AssertTopic& assertion, const Topics& topics);
Result<std::optional<std::string>> refute(const AssertSchema& assertion,
                                          const SchemaRegistry& registry);

}  // namespace engine
