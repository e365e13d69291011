#include "server/http/proxy/payload.h"

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <fmt/format.h>

#include <algorithm>

#include "engine/formats/avro/avro_json.h"
#include "engine/formats/avro/avro_schema.h"
#include "engine/formats/protobuf/protobuf_json.h"
#include "engine/types/text_bytes.h"
#include "server/http/accept.h"
#include "server/http/message.h"

namespace server::http {

namespace {

using engine::JsonKind;
using engine::JsonTree;

struct EmbeddedRow {
  Embedded format;
  std::string_view name, type;  // `name` is used in the API, `type` in content types
};
constexpr EmbeddedRow kEmbedded[] = {
    {Embedded::Binary, "BINARY", ".binary."},
    {Embedded::Json, "JSON", ".json."},
    {Embedded::Text, "STRING", ""},
    {Embedded::Avro, "AVRO", ".avro."},
    {Embedded::JsonSchema, "JSONSCHEMA", ".jsonschema."},
    {Embedded::Protobuf, "PROTOBUF", ".protobuf."},
};

// Content types that do not state the format of keys and values.
constexpr std::string_view kNoFormat[] = {kJson, "application/vnd.kafka+json",
                                          "application/vnd.kafka.v2+json",
                                          "application/octet-stream"};

std::string content_type_of(const EmbeddedRow& row) {
  return fmt::format("application/vnd.kafka{}v2+json", row.type);
}

Error invalid(std::string message) { return {ErrorCode::InvalidText, std::move(message)}; }

Result<std::string> decoded_base64(const JsonTree& node) {
  std::string bytes;
  if (node.kind != JsonKind::String || !absl::Base64Unescape(node.text, &bytes))
    return invalid(
        "a binary key or value must be a string in base64; for JSON set the header Content-Type: "
        "application/vnd.kafka.json.v2+json");
  return bytes;
}

Result<std::string> written(Embedded format, const JsonTree& node, const WrittenSchema& schema) {
  std::string bytes;
  engine::append_schema_header(bytes, schema.id);
  switch (format) {
    case Embedded::Avro: {
      const engine::AvroSchemaPtr avro = TRY(engine::AvroSchema::parse(schema.text));
      TRY(engine::append_avro_of_json(bytes, avro->root(), node));
      return bytes;
    }
    case Embedded::Protobuf:
      // The zero byte selects the first message of the schema.
      return bytes + '\0' + TRY(engine::protobuf_of_json(schema.text, json_tree_text(node)));
    default:
      if (schema.check) TRY(schema.check->check(node));
      return bytes + json_tree_text(node);
  }
}

Status append_written(engine::JsonWriter& json, Embedded format, std::string_view bytes,
                      const engine::SchemaLookup& schemas) {
  const std::optional<int32_t> id = engine::take_schema_header(bytes);
  if (!id) return invalid("the record does not name a schema");
  const engine::SchemaTextPtr schema = schemas.find_schema(*id);
  if (!schema) return invalid(fmt::format("schema {} does not exist", *id));
  if (schema->kind != schema_kind_of(format))
    return invalid(
        fmt::format("schema {} has the type {}", *id, engine::schema_kind_name(schema->kind)));
  switch (format) {
    case Embedded::Avro: {
      const engine::AvroSchemaPtr avro = TRY(engine::AvroSchema::parse(*schema));
      json.raw(TRY(engine::json_of_avro(avro->root(), bytes)));
      return {};
    }
    case Embedded::Protobuf:
      json.raw(TRY(engine::json_of_protobuf(*schema, bytes)));
      return {};
    default:
      json.raw(json_tree_text(TRY(engine::parse_json_tree(bytes))));
      return {};
  }
}

}  // namespace

std::optional<Embedded> embedded_of_content_type(std::string_view content_type) {
  std::string type = absl::AsciiStrToLower(
      {content_type.data(), std::min(content_type.find(';'), content_type.size())});
  absl::StripAsciiWhitespace(&type);
  for (const EmbeddedRow& row : kEmbedded)
    if (!row.type.empty() && type == content_type_of(row)) return row.format;
  const bool is_any = type.empty() || type == "*/*" || type == "application/*";
  if (is_any || std::ranges::find(kNoFormat, type) != std::end(kNoFormat)) return Embedded::Binary;
  return std::nullopt;
}

bool accepts_embedded(std::string_view accept, Embedded format) {
  const auto row = std::ranges::find(kEmbedded, format, &EmbeddedRow::format);
  const auto accepts = [accept](std::string_view type) {
    return accepted_type(accept, {type}).has_value();
  };
  return accepts(content_type_of(*row)) || std::ranges::any_of(kNoFormat, accepts);
}

std::optional<Embedded> find_embedded(std::string_view name) {
  const std::string upper = absl::AsciiStrToUpper({name.data(), name.size()});
  for (const EmbeddedRow& row : kEmbedded)
    if (row.name == upper) return row.format;
  return std::nullopt;
}

std::string_view embedded_name(Embedded format) {
  for (const EmbeddedRow& row : kEmbedded)
    if (row.format == format) return row.name;
  return "";
}

bool has_schema(Embedded format) {
  return format == Embedded::Avro || format == Embedded::JsonSchema || format == Embedded::Protobuf;
}

engine::SchemaKind schema_kind_of(Embedded format) {
  return format == Embedded::Avro         ? engine::SchemaKind::Avro
         : format == Embedded::JsonSchema ? engine::SchemaKind::Json
                                          : engine::SchemaKind::Protobuf;
}

Result<WrittenSchema> written_schema(int32_t id, engine::SchemaText text, uint64_t max_steps) {
  WrittenSchema schema{id, std::move(text)};
  if (schema.text.kind == engine::SchemaKind::Json)
    schema.check = TRY(engine::JsonSchemaCheck::make(schema.text, max_steps));
  return schema;
}

size_t tree_bytes(std::string_view json) {
  const auto values =
      std::ranges::count_if(json, [](char c) { return c == ',' || c == '[' || c == '{'; });
  constexpr size_t kOfMember = sizeof(JsonTree) + sizeof(std::string);
  return 2 * json.size() + kOfMember * (static_cast<size_t>(values) + 1);
}

Result<std::optional<std::string>> payload_bytes(Embedded format, const JsonTree& node,
                                                 const WrittenSchema* schema) {
  if (node.is_null() && !(schema && format == Embedded::Avro)) return std::optional<std::string>();
  if (has_schema(format)) {
    if (!schema) {
      if (node.is_null()) return std::optional<std::string>();
      return invalid("no schema exists for it");
    }
    return std::optional(TRY(written(format, node, *schema)));
  }
  switch (format) {
    case Embedded::Binary:
      return std::optional(TRY(decoded_base64(node)));
    case Embedded::Text:
      if (node.kind != JsonKind::String) return invalid("a STRING must be a string");
      return std::optional(node.text);
    default:
      return std::optional(json_tree_text(node));
  }
}

Status append_payload(engine::JsonWriter& json, Embedded format,
                      std::optional<std::string_view> bytes, const engine::SchemaLookup& schemas) {
  if (!bytes) {
    json.null();
    return {};
  }
  if (has_schema(format)) return append_written(json, format, *bytes, schemas);
  switch (format) {
    case Embedded::Binary:
      json.text(absl::Base64Escape({bytes->data(), bytes->size()}));
      return {};
    case Embedded::Text:
      json.text(*bytes);
      return {};
    default: {
      const auto tree = engine::parse_json_tree(*bytes);
      if (!tree) return invalid("the record is not JSON: " + tree.error().message);
      json.raw(json_tree_text(*tree));
      return {};
    }
  }
}

}  // namespace server::http
