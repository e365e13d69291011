// Converts between Avro's two encodings: binary, and JSON as defined by Avro's specification ("JSON Encoding").
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/formats/avro/avro_schema.h"
#include "engine/formats/json/json_tree.h"

namespace engine {

// Appends the binary form of a JSON value. A value of a union may be written without the name of
// its branch, and a missing field gets its default. Fails with InvalidText; the message names the
// problem and its place.
Status append_avro_of_json(std::string& out, const AvroType& type, const JsonTree& value);

// Returns the JSON form. Fails with InvalidText for bytes that are not a valid value, and with LimitExceeded for a
// result that is too long.
Result<std::string> json_of_avro(const AvroType& type, std::string_view bytes);

}  // namespace engine
