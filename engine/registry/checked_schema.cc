// Checks that a text is a schema, and converts the schema to the form that the registry keeps.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "engine/formats/avro/avro_canonical.h"
#include "engine/formats/avro/avro_schema.h"
#include "engine/formats/json/json_tree.h"
#include "engine/formats/protobuf/protobuf_schema.h"
#include "engine/formats/protobuf/protobuf_source.h"
#include "engine/registry/registry.h"

namespace engine {

namespace {

void sort_members(JsonTree& tree) {
  for (JsonTree& item : tree.items) sort_members(item);
  for (auto& [name, member] : tree.members) sort_members(member);
  std::ranges::sort(tree.members, {}, &std::pair<std::string, JsonTree>::first);
}

Result<std::string> kept_protobuf(const RegisteredSchema& schema, const SchemaText& resolved,
                                  Form form) {
  if (form == Form::Normal) return normal_protobuf(resolved);
  if (is_serialized_protobuf(schema.text)) return protobuf_source(resolved);
  TRY(ProtobufSchema::parse(resolved));
  return schema.text;
}

Result<std::string> kept_avro(const RegisteredSchema& schema, const SchemaText& resolved) {
  TRY(AvroSchema::parse(resolved));
  Result<JsonTree> tree = parse_json_tree(schema.text);
  // The Avro parser also accepts a bare word, such as a type name without quotes.
  if (!tree) tree = TRY(parse_json_tree("\"" + schema.text + "\""));
  return avro_canonical_text(*tree);
}

// The parts of a JSON Schema that its references can name, and the references themselves.
struct JsonSchemaNames {
  std::vector<std::string_view> ids, references;

  explicit JsonSchemaNames(const JsonTree& schema) { take(schema); }

 private:
  void take(const JsonTree& tree) {
    constexpr std::string_view kData[] = {"const", "default", "enum", "example", "examples"};
    for (const JsonTree& item : tree.items) take(item);
    for (const auto& [name, member] : tree.members) {
      if (std::ranges::find(kData, name) != std::end(kData)) continue;
      const bool is_text = member.kind == JsonKind::String;
      if (is_text && name == "$ref") references.push_back(member.text);
      if (is_text && (name == "$id" || name == "id")) ids.push_back(member.text);
      take(member);
    }
  }
};

// Refuses references to URLs that the schema does not bring with it. The registry makes no connections and reads no
// files, so no reader could ever use such a schema.
Status check_references(const JsonTree& tree, const SchemaText& resolved) {
  const auto document = [](std::string_view reference) {
    return reference.substr(0, reference.find('#'));
  };
  const JsonSchemaNames names(tree);
  for (const std::string_view reference : names.references) {
    const std::string_view name = document(reference);
    const bool is_url = name.substr(0, name.find('/')).find(':') != name.npos;
    if (!is_url || name.starts_with("http://json-schema.org/") ||
        name.starts_with("https://json-schema.org/") ||
        std::ranges::find(names.ids, name, document) != names.ids.end() ||
        std::ranges::find(resolved.references, name, &SchemaText::Reference::name) !=
            resolved.references.end())
      continue;
    return Error{ErrorCode::InvalidText,
                 fmt::format("\"$ref\": \"{}\" is outside of the schema, and the registry opens no "
                             "URLs; register that schema and name it in \"references\"",
                             reference.substr(0, 200))};
  }
  return {};
}

Result<std::string> kept_json(const RegisteredSchema& schema, const SchemaText& resolved,
                              Form form) {
  JsonTree tree = TRY(parse_json_tree(schema.text));
  if (tree.kind != JsonKind::Object && tree.kind != JsonKind::Boolean)
    return Error{ErrorCode::InvalidText, "a JSON Schema is an object or a boolean"};
  TRY(check_references(tree, resolved));
  if (form == Form::Normal) sort_members(tree);
  return json_tree_text(tree);
}

Result<std::string> kept(const RegisteredSchema& schema, const SchemaText& resolved, Form form) {
  switch (schema.kind) {
    case SchemaKind::Avro:
      return kept_avro(schema, resolved);
    case SchemaKind::Json:
      return kept_json(schema, resolved, form);
    case SchemaKind::Protobuf:
      return kept_protobuf(schema, resolved, form);
  }
  return schema.text;
}

}  // namespace

RegistryResult<RegisteredSchema> checked_schema(RegisteredSchema schema, const SchemaText& resolved,
                                                Form form) {
  const auto too_large = [&] {
    return RegistryError{42209, fmt::format("The schema has {} bytes, at most {} are possible",
                                            schema.text.size(), kMaxSchemaSize)};
  };
  if (schema.text.find_first_not_of(" \t\r\n") == schema.text.npos)
    return RegistryError{42201, "Empty schema"};
  if (schema.text.size() > kMaxSchemaSize) return too_large();
  if (schema.metadata.size() + schema.rule_set.size() > kMaxSchemaSize)
    return RegistryError{
        42209, fmt::format("The metadata and the rules of the schema have {} bytes, "
                           "at most {} are possible",
                           schema.metadata.size() + schema.rule_set.size(), kMaxSchemaSize)};
  auto text = kept(schema, resolved, form);
  if (!text)
    return RegistryError{42201, fmt::format("Invalid schema of type {}, details: {}",
                                            schema_kind_name(schema.kind), text.error().message)};
  schema.text = *std::move(text);
  if (schema.text.size() > kMaxSchemaSize) return too_large();
  return schema;
}

}  // namespace engine
