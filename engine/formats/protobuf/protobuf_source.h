// Converts between two forms of a Protobuf schema: the text of a .proto file, and its file
// descriptor (descriptor.proto), serialized and in base64. Some clients send and expect the second
// form.
#pragma once
#include <string>

#include "base/result.h"
#include "engine/formats/schema/schema_text.h"

namespace engine {

bool is_serialized_protobuf(const std::string& text);
// Returns the text of a .proto in a uniform layout, without comments. This and the following functions fail as
// ProtobufSchema::parse() does.
Result<std::string> protobuf_source(const SchemaText& schema);
// Like protobuf_source(), but fields and enum values are in the order of their numbers. Used for
// ?normalize=true, as in Confluent's registry.
Result<std::string> normal_protobuf(const SchemaText& schema);
Result<std::string> serialized_protobuf(const SchemaText& schema);

}  // namespace engine
