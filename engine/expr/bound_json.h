// Typed expressions as JSON, in plans (docs/formats/plan.md).
#pragma once
#include "engine/expr/bound.h"
#include "engine/json/json_values.h"

namespace engine {

// Stores the bound tree, not text to be bound again: coercions, the chosen overload and its
// consequences stay as they were decided, whatever a later binder would choose. Functions are found
// by name and parameter types; reading fails if no such function exists.
template <>
struct JsonCodec<BoundExpression> {
  static void write(JsonWriter& out, const BoundExpression& expression);
  static bool read(const JsonValue& json, BoundExpression& expression);
};

// The name of an overload in a plan: "INT, VARCHAR..." for the parameters.
std::string parameter_types(const Overload& overload);

}  // namespace engine
