// Converts between Protobuf's messages and JSON, as defined by Protobuf's "JSON Mapping".
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/formats/schema/schema_text.h"

namespace engine {

// Converts JSON to the bytes of the file's first message. Fails with InvalidText.
Result<std::string> protobuf_of_json(const SchemaText& schema, const std::string& json);

// Converts a message to JSON. `bytes` begin with the path of the message in its file, as serializers of registries
// write it. Fails with InvalidText.
Result<std::string> json_of_protobuf(const SchemaText& schema, std::string_view bytes);

}  // namespace engine
