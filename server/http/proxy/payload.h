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

// Returns the format that a content type names: "application/vnd.kafka.avro.v2+json" names Avro,
// and a type that names no format, such as application/json, means Binary. Returns nothing for
// other types.
std::optional<Embedded> embedded_of_content_type(std::string_view content_type);
// Whether records of this format may be sent to a client with this Accept header.
bool accepts_embedded(std::string_view accept, Embedded format);
std::optional<Embedded> find_embedded(std::string_view name);  // "binary", "json", ...
std::string_view embedded_name(Embedded format);               // for example "BINARY"
bool has_schema(Embedded format);
engine::SchemaKind schema_kind_of(Embedded format);

// The schema of a key or value.
struct WrittenSchema {
  int32_t id = 0;
  engine::SchemaText text;
  // The check of values for a JSON Schema; shared by copies.
  std::shared_ptr<engine::JsonSchemaCheck> check = {};
};
// Builds a WrittenSchema. For a JSON Schema, adds a check of values that may take at most
// `max_steps` steps. Fails with InvalidText.
Result<WrittenSchema> written_schema(int32_t id, engine::SchemaText text, uint64_t max_steps);

// Returns an upper bound of the memory that the text takes as a JsonTree. The factor is high: in
// the list [1,1,1,...] each value takes fifty times the bytes of its text.
size_t tree_bytes(std::string_view json);

// Encodes a key or value; returns nothing for null. Fails with InvalidText, and with LimitExceeded
// if a check takes too long.
Result<std::optional<std::string>> payload_bytes(Embedded format, const engine::JsonTree& node,
                                                 const WrittenSchema* schema);

// Decodes a key or value. Fails with InvalidText if the bytes do not fit the format.
Status append_payload(engine::JsonWriter& json, Embedded format,
                      std::optional<std::string_view> bytes, const engine::SchemaLookup& schemas);

}  // namespace server::http
