// Keys and values of records as they are embedded in requests and answers of the REST proxy.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/formats/json/json_tree.h"
#include "engine/formats/json_sr/json_schema_check.h"
#include "engine/formats/schema/schema_text.h"
#include "engine/json/json_writer.h"

namespace server::http {

enum class Embedded : uint8_t { Binary, Json, Text, Avro, JsonSchema, Protobuf };

// "application/vnd.kafka.avro.v2+json" names Avro; types that name none are Binary. Nothing for other types.
std::optional<Embedded> embedded_of_content_type(std::string_view content_type);
// Whether records of this format may go to a client that wants what its Accept header says.
bool accepts_embedded(std::string_view accept, Embedded format);
std::optional<Embedded> find_embedded(std::string_view name);  // "binary", "json", ...
std::string_view embedded_name(Embedded format);               // "BINARY"
bool has_schema(Embedded format);
engine::SchemaKind schema_kind_of(Embedded format);

// The schema that a key or a value is written in.
struct WrittenSchema {
  int32_t id = 0;
  engine::SchemaText text;
  // Of a JSON Schema, which values are checked against; shared by copies of this.
  std::shared_ptr<engine::JsonSchemaCheck> check = {};
};
// With the check, where it is a JSON Schema, of at most so many steps. Fails with InvalidText.
Result<WrittenSchema> written_schema(int32_t id, engine::SchemaText text, uint64_t max_steps);

// At most so much a text takes as a JsonTree: each value of a list of ones takes fifty times its length.
size_t tree_bytes(std::string_view json);

// The bytes of a key or value; nothing for null. Fails with InvalidText, and with LimitExceeded where a check takes too long.
Result<std::optional<std::string>> payload_bytes(Embedded format, const engine::JsonTree& node,
                                                 const WrittenSchema* schema);

// The other way round. Fails with InvalidText when they are no such thing.
Status append_payload(engine::JsonWriter& json, Embedded format,
                      std::optional<std::string_view> bytes, const engine::SchemaLookup& schemas);

}  // namespace server::http
