// Query plans as versioned JSON. The metadata log keeps the plan of a query in this form, so that
// the query is never planned again. Layout: docs/formats/plan.md.
#pragma once
#include <string>
#include <string_view>

#include "engine/plan/plan.h"

namespace engine {

class JsonValue;  // engine/json/json_reader.h

// Returns the plan as JSON. The text is deterministic.
std::string plan_to_json(const QueryPlan& plan);

// Reads a plan. Fails with IncompatibleFormat if a newer version wrote the text, and with
// CorruptRecord if the text is not a plan or names a function, a type or a step that this program
// does not have. A returned plan refers only to nodes, stores, columns and exchanges that exist in
// it.
Result<QueryPlan> plan_from_json(std::string_view json);
Result<QueryPlan> plan_from_json(const JsonValue& json);

}  // namespace engine
