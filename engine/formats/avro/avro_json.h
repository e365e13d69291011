// Avro's two encodings into each other: binary, and JSON as its specification has it ("JSON Encoding").
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/formats/avro/avro_schema.h"
#include "engine/formats/json/json_tree.h"

namespace engine {

// Appends the binary form. A value of a union may also stand without the name of its branch, and a field that is
// missing has its default. Fails with InvalidText: what is wrong, and where.
Status append_avro_of_json(std::string& out, const AvroType& type, const JsonTree& value);

// Fails with InvalidText on bytes that are no such value, with LimitExceeded on what would become too long.
Result<std::string> json_of_avro(const AvroType& type, std::string_view bytes);

}  // namespace engine
