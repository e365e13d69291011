#include "engine/connect/transforms/record_forms.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/types/text_bytes.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

Error wrong_value(const JsonTree& schema, const JsonTree& value) {
  return {ErrorCode::InvalidText, fmt::format("{} is not a value of the schema's type \"{}\"",
                                              kind_name(value), type_of_schema(schema))};
}

bool is_kind_of(const JsonTree& value, const JsonTree& schema) {
  const std::string_view type = type_of_schema(schema);
  // JsonConverter reads a number for Decimal, which decimal.format = NUMERIC writes.
  if (value.kind == JsonKind::Number && type == "bytes")
    return schema.text_of("name") == "org.apache.kafka.connect.data.Decimal";
  if (type.starts_with("int"))
    return value.kind == JsonKind::Number && parse_bigint(value.text).has_value();
  if (type == "float" || type == "double") return value.kind == JsonKind::Number;
  if (type == "boolean") return value.kind == JsonKind::Boolean;
  if (type == "string" || type == "bytes") return value.kind == JsonKind::String;
  // A map whose keys are not texts is written as an array of pairs.
  if (type == "map") return value.kind == JsonKind::Object || value.kind == JsonKind::Array;
  if (type == "array") return value.kind == JsonKind::Array;
  return type == "struct" && value.kind == JsonKind::Object;
}

// Returns the value in the form of its schema: missing values get the defaults, and fields are in
// the order of the schema.
Result<JsonTree> fitted(const JsonTree& schema, JsonTree value) {
  if (value.is_null()) {
    if (const JsonTree* given = schema.find("default"); given != nullptr && !given->is_null())
      return *given;
    if (is_optional(schema)) return value;
    return wrong_value(schema, value);
  }
  const std::string_view type = type_of_schema(schema);
  if (!is_kind_of(value, schema)) return wrong_value(schema, value);
  if (const JsonTree* of = schema.find("items"); type == "array" && of != nullptr)
    for (JsonTree& item : value.items) item = TRY(fitted(*of, std::move(item)));
  if (const JsonTree* of = schema.find("values"); type == "map" && of != nullptr)
    for (auto& [name, member] : value.members) member = TRY(fitted(*of, std::move(member)));
  const JsonTree* fields = schema.find("fields");
  if (type != "struct" || fields == nullptr) return value;
  JsonTree object{.kind = JsonKind::Object};
  for (const JsonTree& field : fields->items) {
    const std::string name = field.text_of("field");
    JsonTree* const member = find_member(value, name);
    auto its = fitted(field, member == nullptr ? JsonTree() : std::move(*member));
    if (!its)
      return Error{its.error().code, fmt::format("field \"{}\": {}", name, its.error().message)};
    object.members.emplace_back(name, *std::move(its));
  }
  return object;
}

Result<ConnectDatum> decode_envelope(JsonTree tree) {
  JsonTree* const schema = find_member(tree, "schema");
  JsonTree* const payload = find_member(tree, "payload");
  constexpr size_t kMembers = 2;
  if (schema == nullptr || payload == nullptr || tree.members.size() != kMembers)
    return Error{ErrorCode::InvalidText,
                 "JsonConverter with schemas.enable needs the members \"schema\" and \"payload\" "
                 "and no others",
                 {},
                 "Set value.converter.schemas.enable to false, or use "
                 "org.apache.kafka.connect.storage.StringConverter."};
  if (schema->is_null()) return ConnectDatum{std::move(*payload), std::nullopt};
  JsonTree value = TRY(fitted(*schema, std::move(*payload)));
  return ConnectDatum{std::move(value), std::move(*schema)};
}

}  // namespace

Result<ConnectDatum> decode_datum(const std::optional<std::string>& bytes, DataForm form) {
  if (!bytes) return ConnectDatum{};
  if (form == DataForm::Text) return ConnectDatum{json_text(*bytes), std::nullopt};
  JsonTree tree = TRY(parse_json_tree(*bytes));
  if (form == DataForm::JsonWithSchema) return decode_envelope(std::move(tree));
  return ConnectDatum{std::move(tree), std::nullopt};
}

Result<std::optional<std::string>> encode_datum(const ConnectDatum& datum, DataForm form) {
  if (datum.is_absent()) return std::optional<std::string>();
  if (form == DataForm::Text && datum.value.kind == JsonKind::String)
    return std::optional(datum.value.text);
  if (form != DataForm::JsonWithSchema && datum.value.is_null())
    return std::optional<std::string>();
  std::string json = json_tree_text(datum.value);
  if (form == DataForm::JsonWithSchema)
    json = fmt::format(R"({{"schema":{},"payload":{}}})",
                       datum.schema ? json_tree_text(*datum.schema) : "null", json);
  if (!is_utf8(json))
    return Error{ErrorCode::InvalidEncoding, "a text is not UTF-8, and cannot become JSON"};
  return std::optional(std::move(json));
}

}  // namespace engine
