#include "engine/connect/spooldir/spool_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "engine/connect/transforms/connect_record.h"

namespace engine {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kPlainTypes = {
    {{"INT8", "int8"},
     {"INT16", "int16"},
     {"INT32", "int32"},
     {"INT64", "int64"},
     {"FLOAT32", "float"},
     {"FLOAT64", "double"},
     {"BOOLEAN", "boolean"},
     {"STRING", "string"}}};

Error wrong_schema(std::string message) {
  return {ErrorCode::InvalidParameter, std::move(message)};
}

bool is_set(const JsonTree* member) { return member != nullptr && !member->is_null(); }

// Checks the name of a schema with a plain type or with type BYTES.
Status check_logical_type(const JsonTree& schema, std::string_view type) {
  const std::string name = schema.text_of("name");
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kBases = {
      {{kTimestampSchema, "INT64"},
       {kDateSchema, "INT32"},
       {kTimeSchema, "INT32"},
       {kDecimalSchema, "BYTES"}}};
  for (const auto& [logical, base] : kBases)
    if (name == logical && type != base)
      return wrong_schema(fmt::format("{} has the type {}, not {}", logical, base, type));
  if (type != "BYTES") return {};
  if (name != kDecimalSchema)
    return wrong_schema(
        fmt::format("type BYTES is supported only with the name {}", kDecimalSchema));
  const JsonTree* parameters = schema.find("parameters");
  const std::string scale = parameters == nullptr ? std::string() : parameters->text_of("scale");
  int digits = 0;
  const auto [end, error] = std::from_chars(scale.data(), scale.data() + scale.size(), digits);
  constexpr int kMostScale = 38;
  if (error != std::errc() || end != scale.data() + scale.size() || digits < 0 ||
      digits > kMostScale)
    return wrong_schema(
        fmt::format("parameter \"scale\" of a Decimal is a text with a number from "
                    "0 to {}",
                    kMostScale));
  return {};
}

Result<JsonTree> converted_schema(const JsonTree& schema);

// Converts the schema of a part of another schema, and names the part in an error.
Result<JsonTree> converted_part(const JsonTree* part, std::string_view place) {
  if (!is_set(part)) return wrong_schema(fmt::format("{}: the schema is missing", place));
  auto result = converted_schema(*part);
  if (!result) return wrong_schema(fmt::format("{}: {}", place, result.error().message));
  return result;
}

// Returns the members that determine the type: the first members in JsonConverter's form.
Result<JsonTree> converted_type(const JsonTree& schema) {
  JsonTree result{.kind = JsonKind::Object};
  const std::string type = schema.text_of("type");
  const auto set_type = [&](std::string_view name) { set_member(result, "type", json_text(name)); };
  if (const auto plain =
          std::ranges::find(kPlainTypes, type, [](auto& each) { return each.first; });
      plain != kPlainTypes.end() || type == "BYTES") {
    TRY(check_logical_type(schema, type));
    set_type(plain == kPlainTypes.end() ? "bytes" : plain->second);
  } else if (type == "ARRAY") {
    set_type("array");
    set_member(result, "items", TRY(converted_part(schema.find("valueSchema"), "valueSchema")));
  } else if (type == "MAP") {
    set_type("map");
    JsonTree keys = TRY(converted_part(schema.find("keySchema"), "keySchema"));
    if (type_of_schema(keys) != "string")
      return wrong_schema("the keys of a MAP have the type STRING");
    set_member(result, "keys", std::move(keys));
    set_member(result, "values", TRY(converted_part(schema.find("valueSchema"), "valueSchema")));
  } else if (type == "STRUCT") {
    set_type("struct");
    const JsonTree* given = schema.find("fieldSchemas");
    if (given == nullptr || given->kind != JsonKind::Object)
      return wrong_schema("a STRUCT has an object \"fieldSchemas\"");
    JsonTree fields{.kind = JsonKind::Array};
    for (const auto& [name, field] : given->members)
      fields.items.push_back(
          as_field(TRY(converted_part(&field, fmt::format("field \"{}\"", name))), name));
    set_member(result, "fields", std::move(fields));
  } else {
    return wrong_schema(fmt::format("\"{}\" is not a type", type));
  }
  return result;
}

Result<JsonTree> converted_schema(const JsonTree& schema) {
  if (schema.kind != JsonKind::Object)
    return wrong_schema(fmt::format("a schema is an object, not {}", kind_name(schema)));
  JsonTree result = TRY(converted_type(schema));
  const JsonTree* optional = schema.find("isOptional");
  set_member(result, "optional",
             JsonTree{.kind = JsonKind::Boolean, .boolean = optional && optional->boolean});
  for (const std::string_view kept : {"name", "version", "doc", "parameters"})
    if (const JsonTree* member = schema.find(kept); is_set(member))
      set_member(result, kept, *member);
  if (const JsonTree* given = schema.find("defaultValue"); is_set(given))
    set_member(result, "default", *given);
  return result;
}

}  // namespace

Result<JsonTree> parse_spool_schema(std::string_view json) {
  const auto tree = parse_json_tree(json);
  if (!tree) return wrong_schema(tree.error().message);
  if (tree->text_of("type") != "STRUCT") return wrong_schema("the schema has no type STRUCT");
  return converted_schema(*tree);
}

JsonTree generated_spool_schema(std::string_view name, const std::vector<std::string>& fields) {
  std::vector<JsonTree> schemas;
  for (const std::string& field : fields)
    schemas.push_back(as_field(make_schema("string", true), field));
  const JsonTree named{.kind = JsonKind::Object, .members = {{"name", json_text(name)}}};
  return struct_like(named, std::move(schemas));
}

std::vector<std::string> field_names(const JsonTree& struct_schema) {
  std::vector<std::string> names;
  if (const JsonTree* fields = struct_schema.find("fields"))
    for (const JsonTree& field : fields->items) names.push_back(field.text_of("field"));
  return names;
}

}  // namespace engine
