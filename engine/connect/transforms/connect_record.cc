#include "engine/connect/transforms/connect_record.h"

#include <fmt/format.h>

#include <algorithm>

namespace engine {

JsonTree json_text(std::string_view text) {
  return {.kind = JsonKind::String, .text = std::string(text)};
}

JsonTree json_number(int64_t number) {
  return {.kind = JsonKind::Number, .text = std::to_string(number)};
}

JsonTree* find_member(JsonTree& object, std::string_view name) {
  const auto found = std::ranges::find(
      object.members, name, [](const auto& member) -> std::string_view { return member.first; });
  return found == object.members.end() ? nullptr : &found->second;
}

void set_member(JsonTree& object, std::string_view name, JsonTree value) {
  if (JsonTree* present = find_member(object, name))
    *present = std::move(value);
  else
    object.members.emplace_back(std::string(name), std::move(value));
}

void remove_member(JsonTree& object, std::string_view name) {
  std::erase_if(object.members, [&](const auto& member) { return member.first == name; });
}

const JsonTree* find_field(const JsonTree& struct_schema, std::string_view name) {
  const JsonTree* fields = struct_schema.find("fields");
  if (fields == nullptr) return nullptr;
  const auto found = std::ranges::find_if(
      fields->items, [&](const JsonTree& field) { return field.text_of("field") == name; });
  return found == fields->items.end() ? nullptr : &*found;
}

JsonTree as_field(JsonTree schema, std::string_view name) {
  set_member(schema, "field", json_text(name));
  return schema;
}

JsonTree without_field_name(JsonTree field) {
  remove_member(field, "field");
  return field;
}

std::string_view type_of_schema(const JsonTree& schema) {
  const JsonTree* type = schema.find("type");
  return type == nullptr ? std::string_view() : std::string_view(type->text);
}

bool is_optional(const JsonTree& schema) {
  const JsonTree* optional = schema.find("optional");
  return optional != nullptr && optional->boolean;
}

JsonTree make_schema(std::string_view type, bool optional) {
  return {.kind = JsonKind::Object,
          .members = {{"type", json_text(type)},
                      {"optional", JsonTree{.kind = JsonKind::Boolean, .boolean = optional}}}};
}

JsonTree make_time_schema(std::string_view name, bool optional) {
  JsonTree schema = make_schema(name == kTimestampSchema ? "int64" : "int32", optional);
  set_member(schema, "name", json_text(name));
  set_member(schema, "version", json_number(1));
  return schema;
}

JsonTree struct_like(const JsonTree& other, std::vector<JsonTree> fields) {
  JsonTree schema{
      .kind = JsonKind::Object,
      .members = {{"type", json_text("struct")},
                  {"fields", JsonTree{.kind = JsonKind::Array, .items = std::move(fields)}},
                  {"optional", JsonTree{.kind = JsonKind::Boolean, .boolean = false}}}};
  for (const std::string_view kept : {"name", "version", "doc", "parameters"})
    if (const JsonTree* member = other.find(kept)) set_member(schema, kept, *member);
  return schema;
}

std::string_view kind_name(const JsonTree& value) {
  switch (value.kind) {
    case JsonKind::Null:
      return "null";
    case JsonKind::Boolean:
      return "a boolean";
    case JsonKind::Number:
      return "a number";
    case JsonKind::String:
      return "a string";
    case JsonKind::Array:
      return "an array";
    case JsonKind::Object:
      return "an object";
  }
  return "null";
}

Status require_object(const ConnectDatum& datum, std::string_view purpose) {
  const bool is_struct = !datum.schema || type_of_schema(*datum.schema) == "struct";
  if (datum.value.kind == JsonKind::Object && is_struct) return {};
  return Error{ErrorCode::InvalidText,
               fmt::format("{} needs an object with fields, and not {}", purpose,
                           is_struct ? kind_name(datum.value) : type_of_schema(*datum.schema))};
}

}  // namespace engine
