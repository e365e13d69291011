#include "server/http/registry/registry_json.h"

#include "engine/json/json_writer.h"

namespace server::http {

namespace {

using engine::JsonWriter;

void add_schema(JsonWriter& json, const engine::RegisteredSchema& schema, std::string_view text) {
  if (schema.kind != engine::SchemaKind::Avro)
    json.member("schemaType", engine::schema_kind_name(schema.kind));
  if (!schema.references.empty()) {
    json.key("references");
    json.begin_array();
    for (const engine::SchemaReference& reference : schema.references) {
      json.begin_object();
      json.member("name", reference.name);
      json.member("subject", reference.subject);
      json.member("version", reference.version);
      json.end_object();
    }
    json.end_array();
  }
  for (const auto& [name, part] :
       {std::pair("metadata", &schema.metadata), std::pair("ruleSet", &schema.rule_set)}) {
    if (part->empty()) continue;
    json.key(name);
    json.raw(*part);
  }
  json.member("schema", text);
}

}  // namespace

Response registry_response(std::string json, int status) {
  return {.head = {.status = status, .content_type = std::string(kRegistryJson)},
          .body = std::move(json)};
}

Response registry_error(const engine::RegistryError& error) {
  JsonWriter json;
  json.begin_object();
  json.member("error_code", error.code);
  json.member("message", error.message);
  json.end_object();
  return registry_response(json.take(), error.status());
}

std::string schema_json(const engine::RegisteredSchema& schema, std::string_view text) {
  JsonWriter json;
  json.begin_object();
  add_schema(json, schema, text);
  json.end_object();
  return json.take();
}

std::string version_json(const engine::SchemaVersion& version, std::string_view text) {
  JsonWriter json;
  json.begin_object();
  json.member("subject", version.subject);
  json.member("version", version.version);
  json.member("id", version.id);
  add_schema(json, *version.schema, text);
  json.end_object();
  return json.take();
}

std::string numbers_json(std::span<const int32_t> numbers) {
  JsonWriter json;
  json.begin_array();
  for (const int32_t number : numbers) json.number(number);
  json.end_array();
  return json.take();
}

std::string texts_json(std::span<const std::string> texts) {
  JsonWriter json;
  json.begin_array();
  for (const std::string& text : texts) json.text(text);
  json.end_array();
  return json.take();
}

std::string member_json(std::string_view name, std::string_view value) {
  JsonWriter json;
  json.begin_object();
  json.member(name, value);
  json.end_object();
  return json.take();
}

std::string member_json(std::string_view name, int64_t value) {
  JsonWriter json;
  json.begin_object();
  json.member(name, value);
  json.end_object();
  return json.take();
}

std::string uses_json(std::span<const engine::SchemaVersion> uses) {
  JsonWriter json;
  json.begin_array();
  for (const engine::SchemaVersion& use : uses) {
    json.begin_object();
    json.member("subject", use.subject);
    json.member("version", use.version);
    json.end_object();
  }
  json.end_array();
  return json.take();
}

std::string compatibility_json(const std::vector<std::string>& problems, bool is_verbose) {
  JsonWriter json;
  json.begin_object();
  json.member("is_compatible", problems.empty());
  if (is_verbose) {
    json.key("messages");
    json.begin_array();
    for (const std::string& problem : problems) json.text(problem);
    json.end_array();
  }
  json.end_object();
  return json.take();
}

}  // namespace server::http
