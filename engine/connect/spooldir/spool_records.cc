#include "engine/connect/spooldir/spool_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/connect/spooldir/spool_schema.h"
#include "engine/connect/transforms/connect_record.h"
#include "engine/types/text_bytes.h"

namespace engine {

namespace {

std::string start_of(DataForm form, const JsonTree& schema) {
  if (form != DataForm::JsonWithSchema) return {};
  return fmt::format(R"({{"schema":{},"payload":)", json_tree_text(schema));
}

Result<std::string> encoded_json(const std::string& start, const JsonTree& payload) {
  std::string json = start + json_tree_text(payload);
  if (!start.empty()) json += '}';
  if (!is_utf8(json))
    return Error{ErrorCode::InvalidEncoding, "a text is not UTF-8, and cannot become JSON"};
  return json;
}

Error in_field(const Error& error, std::string_view name) {
  return {error.code, fmt::format("field \"{}\": {}", name, error.message)};
}

}  // namespace

SpoolRecords::SpoolRecords(const SpoolSchemas& schemas, std::vector<std::string> names)
    : schemas_(schemas), names_(std::move(names)) {
  if (schemas.are_generated()) {
    std::vector<std::string> key_fields;
    for (const std::string& name : schemas.key_fields)
      if (std::ranges::find(names_, name) != names_.end()) key_fields.push_back(name);
    key_schema_ = generated_spool_schema(schemas.key_name, key_fields);
    value_schema_ = generated_spool_schema(schemas.value_name, names_);
  } else {
    key_schema_ = *schemas.key;
    value_schema_ = *schemas.value;
  }
  for (const std::string& name : field_names(value_schema_)) {
    const auto found = std::ranges::find(names_, name);
    columns_.push_back(found == names_.end() ? SIZE_MAX
                                             : static_cast<size_t>(found - names_.begin()));
  }
  key_start_ = start_of(schemas.forms.key, key_schema_);
  value_start_ = start_of(schemas.forms.value, value_schema_);
}

Result<SpoolRecord> SpoolRecords::of_row(const CsvFields& row) const {
  if (row.size() < names_.size())
    return Error{ErrorCode::BadCopyFormat, fmt::format("a CSV record has {} fields instead of {}",
                                                       row.size(), names_.size())};
  JsonTree object{.kind = JsonKind::Object};
  for (size_t i = 0; i < columns_.size(); ++i) {
    const JsonTree& field = value_schema_.find("fields")->items[i];
    const std::string name = field.text_of("field");
    const bool has_column = columns_[i] < row.size();
    auto value =
        spool_value_of_text(field, has_column ? row[columns_[i]] : std::nullopt, schemas_.times);
    if (!value) return in_field(value.error(), name);
    object.members.emplace_back(name, *std::move(value));
  }
  return of_values(std::move(object));
}

Result<SpoolRecord> SpoolRecords::of_object(const JsonTree& object) const {
  if (object.kind != JsonKind::Object)
    return Error{ErrorCode::InvalidText,
                 fmt::format("the record is {} instead of an object", kind_name(object))};
  return of_values(TRY(spool_value_of_json(value_schema_, &object, schemas_.times)));
}

Result<SpoolRecord> SpoolRecords::of_values(JsonTree object) const {
  JsonTree key{.kind = JsonKind::Object};
  for (const JsonTree& field : key_schema_.find("fields")->items) {
    const std::string name = field.text_of("field");
    const JsonTree* value = object.find(name);
    if ((value == nullptr || value->is_null()) && !is_optional(field))
      return Error{ErrorCode::InvalidText,
                   fmt::format("field \"{}\" of the key is missing, and it is not optional", name)};
    key.members.emplace_back(name, value == nullptr ? JsonTree() : *value);
  }
  SpoolRecord record;
  record.key = TRY(encoded_json(key_start_, key));
  record.value = TRY(encoded_json(value_start_, object));
  if (const JsonTree* time = object.find(schemas_.timestamp_field);
      time != nullptr && time->kind == JsonKind::Number) {
    int64_t ms = 0;
    std::from_chars(time->text.data(), time->text.data() + time->text.size(), ms);
    record.timestamp_ms = ms;
  }
  return record;
}

}  // namespace engine
