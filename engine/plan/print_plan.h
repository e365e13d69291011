// Plans PRINT and checks ASSERT, which are statements about a topic and its schemas and do not depend on the streams
// and tables over the topic.
#pragma once
#include "engine/plan/query_plan.h"
#include "engine/registry/registry.h"

namespace engine {

// Plans to read the records of a topic from its beginning or from its end on. The columns are the bytes of the key
// and of the value, then ROWTIME, ROWPARTITION, ROWOFFSET. The limit of the plan counts the records read, including
// the records skipped between two shown ones. Fails with UnknownTopic.
Result<PlannedQuery> plan_print(const Print& print, const PlanContext& context);

// Returns the violated part of the assertion, in ksqlDB's words; nullopt if the assertion holds.
Result<std::optional<std::string>> refute(const AssertTopic& assertion, const Topics& topics);
Result<std::optional<std::string>> refute(const AssertSchema& assertion,
                                          const SchemaRegistry& registry);

}  // namespace engine
