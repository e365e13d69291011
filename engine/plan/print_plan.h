// Plans PRINT and checks ASSERT. Both are statements about a topic and its schemas, and do not
// depend on streams and tables over the topic.
#pragma once
#include "engine/plan/query_plan.h"
#include "engine/registry/registry.h"

namespace engine {

// Plans to read the records of a topic from its beginning or its end on. The columns are the bytes
// of the key and of the value, then ROWTIME, ROWPARTITION, ROWOFFSET. The limit of the plan counts
// all records that are read, including those that PRINT skips between two shown ones. Fails with
// UnknownTopic.
Result<PlannedQuery> plan_print(const Print& print, const PlanContext& context);

// Returns the part of the assertion that is not true, in ksqlDB's words; nullopt if the assertion
// is true.
Result<std::optional<std::string>> refute(const AssertTopic& assertion, const Topics& topics);
Result<std::optional<std::string>> refute(const AssertSchema& assertion,
                                          const SchemaRegistry& registry);

}  // namespace engine
