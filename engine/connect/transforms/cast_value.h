// The conversions of Kafka Connect's Cast. As in Java, whole numbers wrap around, and fractions are cut off.
#pragma once
#include <optional>
#include <string_view>

#include "base/result.h"
#include "engine/connect/transforms/connect_record.h"

namespace engine {

enum class CastType : uint8_t { Int8, Int16, Int32, Int64, Float32, Float64, Boolean, String };

// Returns the type with this name in a spec, regardless of letter case: "int8", "float64".
std::optional<CastType> cast_type_of(std::string_view name);
// Returns the name in the schemas of JsonConverter: "float" for Float32.
std::string_view schema_type_of(CastType type);

// Converts a value. Null stays null. `schema` is the schema of the value; null: it has none. Fails
// with InvalidText if the value is an array, an object or bytes, or a text that does not have the
// form of the type.
Result<JsonTree> cast_value(const JsonTree& value, const JsonTree* schema, CastType type);

}  // namespace engine
