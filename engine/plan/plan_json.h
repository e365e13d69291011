// Query plans as versioned JSON: what the metadata log keeps of a query, so that it is never
// planned again. Layout: docs/formats/plan.md.
#pragma once
#include <string>
#include <string_view>

#include "engine/plan/plan.h"

namespace engine {

class JsonValue;  // engine/json/json_reader.h

// The same plan gives the same text.
std::string plan_to_json(const QueryPlan& plan);

// Fails with IncompatibleFormat when a newer version wrote it, with CorruptRecord when it is not a
// plan or names a function, a type or a step that this program does not have. A plan that is read
// refers only to nodes, stores, columns and exchanges that it has.
Result<QueryPlan> plan_from_json(std::string_view json);
Result<QueryPlan> plan_from_json(const JsonValue& json);

}  // namespace engine
