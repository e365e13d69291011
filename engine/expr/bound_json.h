// Writes and reads typed expressions as JSON, for plans (docs/formats/plan.md).
#pragma once
#include "engine/expr/bound.h"
#include "engine/json/json_values.h"

namespace engine {

// Stores the bound tree, and not a text that would have to be bound again. So coercions and chosen
// overloads stay the same even if a later version of the binder would choose others. Functions are
// identified by name and parameter types; reading fails if no such function exists.
template <>
struct JsonCodec<BoundExpression> {
  static void write(JsonWriter& out, const BoundExpression& expression);
  static bool read(const JsonValue& json, BoundExpression& expression);
};

// Returns the parameters of an overload as plans write them: "INT, VARCHAR...".
std::string parameter_types(const Overload& overload);

}  // namespace engine
