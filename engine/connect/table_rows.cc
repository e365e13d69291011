#include "engine/connect/table_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/connect/postgres/sink_values.h"

namespace engine {

namespace {
TableColumn typed_column(const std::string& name, const JsonTree& value, const JsonTree* schema);
}

struct TableRowReader::Parts {
  TableShape shape;
  std::vector<std::optional<std::string>> values;
  std::vector<bool> numbers;

  const bool has_types;

  void add(TableColumn column, std::optional<std::string> value) {
    if (!has_types) column = {std::move(column.name)};
    shape.columns.push_back(std::move(column));
    values.push_back(std::move(value));
    numbers.push_back(false);
  }
  // Fails with InvalidText if the value is not of the type that its schema names.
  Status add(const std::string& name, const JsonTree& value, const JsonTree* schema) {
    auto text = sink_value(value, schema);
    if (!text)
      return Error{text.error().code, fmt::format("field \"{}\": {}", name, text.error().message)};
    add(has_types ? typed_column(name, value, schema) : TableColumn{name}, *std::move(text));
    // A number is a date or a time only if its schema has a name.
    numbers.back() =
        value.kind == JsonKind::Number && (schema == nullptr || schema->find("name") == nullptr);
    return {};
  }
  bool has(std::string_view name) const;
};

namespace {

Error no_row(std::string message, std::string hint = {}) {
  return {ErrorCode::InvalidText, std::move(message), {}, std::move(hint)};
}

// Returns the schema of a member, or null.
const JsonTree* schema_of_member(const ConnectDatum& datum, std::string_view name) {
  if (!datum.schema) return nullptr;
  const JsonTree* values = datum.schema->find("values");  // of a map
  return values != nullptr ? values : find_field(*datum.schema, name);
}

// Names of streams are upper case, and those of PostgreSQL's columns usually lower case.
bool equals_in_any_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

TableColumn typed_column(const std::string& name, const JsonTree& value, const JsonTree* schema) {
  TableColumn column{name, sink_column_type(value, schema)};
  if (schema == nullptr) return column;
  column.is_required = !is_optional(*schema);
  if (const JsonTree* given = schema->find("default"))
    if (auto text = sink_value(*given, schema)) column.default_value = *std::move(text);
  return column;
}

bool is_among(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::any_of(
      names, [&](const std::string& each) { return equals_in_any_case(each, name); });
}

}  // namespace

bool TableRowReader::Parts::has(std::string_view name) const {
  return std::ranges::any_of(shape.columns, [&](const TableColumn& column) {
    return equals_in_any_case(column.name, name);
  });
}

Status TableRowReader::add_key(const Place& place, const std::optional<std::string>& key,
                               Parts& parts) const {
  const std::vector<std::string>& fields = mapping_.key_fields;
  if (mapping_.key_mode == KeyMode::Kafka) {
    constexpr size_t kParts = 3;
    const bool has_names = fields.size() == kParts;
    parts.add({has_names ? fields[0] : "__connect_topic", "text"}, std::string(place.topic));
    parts.add({has_names ? fields[1] : "__connect_partition", "integer"},
              std::to_string(place.partition.value()));
    parts.add({has_names ? fields[2] : "__connect_offset", "bigint"},
              std::to_string(place.offset.value()));
    return {};
  }
  const ConnectDatum datum = TRY(decode_datum(key, mapping_.forms.key));
  if (datum.value.is_null())
    return no_row("the record has no key, which pk.mode record_key needs",
                  "Use pk.mode record_value, or write records with keys.");
  if (datum.value.kind != JsonKind::Object) {
    if (fields.size() != 1)
      return no_row(
          fmt::format("the key is {}, so pk.fields must name one column", kind_name(datum.value)));
    return parts.add(fields[0], datum.value, datum.schema ? &*datum.schema : nullptr);
  }
  for (const auto& [name, value] : datum.value.members)
    if (fields.empty() || is_among(fields, name))
      TRY(parts.add(name, value, schema_of_member(datum, name)));
  for (const std::string& field : fields)
    if (!parts.has(field)) return no_row(fmt::format("the key has no field \"{}\"", field));
  return {};
}

Result<TableRow> TableRowReader::read(const Place& place, const std::optional<std::string>& key,
                                      const std::optional<std::string>& value) {
  Parts parts{.shape = {}, .values = {}, .numbers = {}, .has_types = mapping_.has_types};
  if (mapping_.key_mode == KeyMode::Kafka || mapping_.key_mode == KeyMode::RecordKey)
    TRY(add_key(place, key, parts));
  const ConnectDatum datum = TRY(decode_datum(value, mapping_.forms.value));
  if (datum.value.is_null()) {
    if (!mapping_.deletes)
      return no_row(
          "the record has no value",
          "With delete.enabled = true and pk.mode record_key it deletes the row of its key.");
    parts.shape.key_columns = parts.values.size();
    TableRow row = take(std::move(parts));
    row.is_delete = true;
    return row;
  }
  if (datum.value.kind != JsonKind::Object)
    return no_row(fmt::format("the value is {}, and a row needs an object with fields",
                              kind_name(datum.value)));
  if (mapping_.key_mode == KeyMode::RecordValue) {
    for (const auto& [name, member] : datum.value.members)
      if (mapping_.key_fields.empty() || is_among(mapping_.key_fields, name))
        TRY(parts.add(name, member, schema_of_member(datum, name)));
    for (const std::string& field : mapping_.key_fields)
      if (!parts.has(field)) return no_row(fmt::format("the value has no field \"{}\"", field));
  }
  parts.shape.key_columns = parts.values.size();
  for (const auto& [name, member] : datum.value.members) {
    if (!mapping_.fields.empty() && !is_among(mapping_.fields, name)) continue;
    if (!parts.has(name)) TRY(parts.add(name, member, schema_of_member(datum, name)));
  }
  if (parts.values.empty()) return no_row("the value has no fields");
  return take(std::move(parts));
}

TableRow TableRowReader::take(Parts parts) {
  if (last_shape_ == nullptr || *last_shape_ != parts.shape)
    last_shape_ = std::make_shared<const TableShape>(std::move(parts.shape));
  return {last_shape_, std::move(parts.values), std::move(parts.numbers)};
}

void append_copy_row(std::string& to, const std::vector<std::optional<std::string>>& values) {
  bool is_first = true;
  for (const std::optional<std::string>& value : values) {
    if (!is_first) to += '\t';
    is_first = false;
    if (!value) {
      to += "\\N";
      continue;
    }
    for (const char c : *value) {
      switch (c) {
        case '\\':
          to += "\\\\";
          break;
        case '\n':
          to += "\\n";
          break;
        case '\r':
          to += "\\r";
          break;
        case '\t':
          to += "\\t";
          break;
        default:
          to += c;
      }
    }
  }
}

}  // namespace engine
