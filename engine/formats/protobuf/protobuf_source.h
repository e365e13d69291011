// The forms that a Protobuf schema may have: the text of a .proto, or its file's descriptor (descriptor.proto), serialized
// and in base64, which is how some clients send it and want it.
#pragma once
#include <string>

#include "base/result.h"
#include "engine/formats/schema/schema_text.h"

namespace engine {

bool is_serialized_protobuf(const std::string& text);
// As a .proto in one layout, without comments. All fail as ProtobufSchema::parse().
Result<std::string> protobuf_source(const SchemaText& schema);
// The text of protobuf_source(), with fields and the values of enums in the order of their numbers: ?normalize=true, as in
// Confluent's registry.
Result<std::string> normal_protobuf(const SchemaText& schema);
Result<std::string> serialized_protobuf(const SchemaText& schema);

}  // namespace engine
