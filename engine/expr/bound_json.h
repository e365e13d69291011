// Typed expressions as JSON: what a plan keeps of them (docs/formats/plan.md).
// Includes simdjson: for .cc files only.
#pragma once
#include "engine/expr/bound.h"
#include "engine/json/json_values.h"

namespace engine {

// The tree as it is, not text to be bound again: coercions, the overload that was chosen and what
// follows from it stay as they were decided, whatever a later binder would choose. Functions are
// found by name and types of their parameters; reading fails where there is none such.
template <>
struct JsonCodec<BoundExpression> {
  static void write(JsonWriter& out, const BoundExpression& expression);
  static bool read(const JsonValue& json, BoundExpression& expression);
};

// An overload as a plan names it: "INT, VARCHAR..." for the parameters.
std::string parameter_types(const Overload& overload);

}  // namespace engine
