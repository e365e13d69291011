#include "engine/formats/schema/schema_text.h"

#include "base/bytes.h"

namespace engine {

std::string_view schema_kind_name(SchemaKind kind) {
  switch (kind) {
    case SchemaKind::Avro:
      return "AVRO";
    case SchemaKind::Json:
      return "JSON";
    case SchemaKind::Protobuf:
      return "PROTOBUF";
  }
  return "";
}

std::optional<SchemaKind> find_schema_kind(std::string_view name) {
  for (const SchemaKind kind : {SchemaKind::Avro, SchemaKind::Json, SchemaKind::Protobuf})
    if (schema_kind_name(kind) == name) return kind;
  return std::nullopt;
}

void append_schema_header(std::string& out, int32_t id) {
  out += '\0';
  append_be(out, id);
}

std::optional<int32_t> take_schema_header(std::string_view& payload) {
  if (payload.size() < kSchemaHeaderSize || payload.front() != '\0') return std::nullopt;
  const auto id = load_be<int32_t>(payload.data() + 1);
  payload.remove_prefix(kSchemaHeaderSize);
  return id;
}

}  // namespace engine
