#include "engine/testing/schema_records.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>

#include "engine/formats/schema/schema_bundle.h"
#include "engine/registry/registrar.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_number.h"

namespace engine {
namespace {

Error unfit(const CaseJson& node, const SqlType& type) {
  return Error{ErrorCode::InvalidText,
               fmt::format("{} is no {}", case_json_text(node), type.to_string())};
}

// ---- JSON to values

std::string plain_schema_text(const CaseJson& node) {
  return node.kind == CaseJsonKind::String ? node.text : case_json_text(node);
}

Result<int64_t> whole_number(const CaseJson& node, const SqlType& type) {
  int64_t whole = 0;
  double number = 0;
  if (absl::SimpleAtoi(node.text, &whole)) return whole;
  if (absl::SimpleAtod(node.text, &number)) return static_cast<int64_t>(number);
  return unfit(node, type);
}

Result<Value> decimal_value(const CaseJson& node, const SqlType& type) {
  const Int128 unscaled =
      TRY(parse_decimal(node.text, type.precision(), type.scale(), Rounding::HalfUp));
  return Value::decimal(unscaled, type.scale());
}

const CaseJson* find_member(const CaseJson& object, std::string_view name) {
  if (const CaseJson* exact = object.find(name)) return exact;
  for (const auto& [member, value] : object.members)
    if (absl::EqualsIgnoreCase(member, std::string(name))) return &value;
  return nullptr;
}

Result<Value> to_value(const CaseJson& node, const SqlType& type);

Result<Value> list_value(const CaseJson& node, const SqlType& type) {
  if (node.kind != CaseJsonKind::Array) return unfit(node, type);
  ValueList items;
  for (const CaseJson& item : node.items) items.push_back(TRY(to_value(item, type.element())));
  return Value::list(std::move(items));
}

Result<Value> map_value(const CaseJson& node, const SqlType& type) {
  if (node.kind != CaseJsonKind::Object) return unfit(node, type);
  ValueMap entries;
  for (const auto& [name, value] : node.members) {
    CaseJson key;
    key.kind = CaseJsonKind::String;
    key.text = name;
    entries.emplace_back(TRY(to_value(key, type.key())), TRY(to_value(value, type.value())));
  }
  return Value::map(std::move(entries));
}

Result<Value> struct_value(const CaseJson& node, const SqlType& type) {
  if (node.kind != CaseJsonKind::Object) return unfit(node, type);
  ValueList fields;
  for (const Field& field : type.fields()) {
    const CaseJson* member = find_member(node, field.name);
    fields.push_back(member ? TRY(to_value(*member, field.type)) : Value());
  }
  return Value::list(std::move(fields));
}

Result<Value> to_value(const CaseJson& node, const SqlType& type) {
  if (node.is_null()) return Value();
  switch (type.kind()) {
    case TypeKind::Boolean:
      if (node.kind == CaseJsonKind::Boolean) return Value::boolean(node.boolean);
      return unfit(node, type);
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return Value::integer(static_cast<int32_t>(TRY(whole_number(node, type))));
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return Value::bigint(TRY(whole_number(node, type)));
    case TypeKind::Double: {
      double number = 0;
      if (!absl::SimpleAtod(node.text, &number)) return unfit(node, type);
      return Value::number(number);
    }
    case TypeKind::Decimal:
      return decimal_value(node, type);
    case TypeKind::String:
      return Value::text(plain_schema_text(node));
    case TypeKind::Bytes: {
      std::optional<std::string> bytes = decode_base64(node.text);
      return Value::text(bytes ? *std::move(bytes) : node.text);
    }
    case TypeKind::Array:
      return list_value(node, type);
    case TypeKind::Map:
      return map_value(node, type);
    case TypeKind::Struct:
      return struct_value(node, type);
    default:
      return unfit(node, type);
  }
}

// ---- Values to observed values

Observed observed(const Value& value, const SqlType& type);

Observed observed_decimal(const Decimal& decimal) {
  Observed out{.kind = ObservedKind::Decimal};
  append_decimal(out.text, decimal.unscaled, decimal.scale);
  if (auto spelled = read_decimal(out.text)) out.decimal = *std::move(spelled);
  return out;
}

Observed observed_map(const ValueMap& map, const SqlType& type) {
  Observed out{.kind = ObservedKind::Object};
  for (const auto& [key, value] : map) {
    const Observed name = observed(key, type.key());
    out.fields.emplace_back(name.text, observed(value, type.value()));
  }
  return out;
}

Observed observed_number(int64_t number) {
  return {.kind = ObservedKind::Integer, .integer = number, .text = std::to_string(number)};
}

Observed observed(const Value& value, const SqlType& type) {
  if (value.is_null()) return {};
  Observed out;
  switch (type.kind()) {
    case TypeKind::Boolean:
      out.kind = ObservedKind::Boolean;
      out.boolean = value.as_bool();
      out.text = out.boolean ? "true" : "false";
      return out;
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return observed_number(value.as_int32());
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return observed_number(value.as_int64());
    case TypeKind::Double:
      out.kind = ObservedKind::Double;
      out.number = value.as_double();
      out.text = fmt::format("{}", out.number);
      return out;
    case TypeKind::Decimal:
      return observed_decimal(value.as_decimal());
    case TypeKind::String:
    case TypeKind::Bytes:
      out.kind = type.kind() == TypeKind::String ? ObservedKind::Text : ObservedKind::Bytes;
      out.text = value.as_string();
      return out;
    case TypeKind::Array:
      out.kind = ObservedKind::List;
      for (const Value& item : value.as_list()) out.items.push_back(observed(item, type.element()));
      return out;
    case TypeKind::Map:
      return observed_map(value.as_map(), type);
    case TypeKind::Struct: {
      out.kind = ObservedKind::Object;
      const ValueList& fields = value.as_list();
      for (size_t i = 0; i < fields.size(); ++i)
        out.fields.emplace_back(type.fields()[i].name, observed(fields[i], type.fields()[i].type));
      return out;
    }
    default:
      return out;
  }
}

// ---- Records

// The format for the records of one schema. If the format supports it, the schema is one column, whether it is a record
// type or a single value, so the two cases need not be distinguished.
struct RecordShape {
  FormatSpec format;
  std::vector<ColumnDef> columns;
  Side side = Side::Key;
  bool is_bare() const { return !is_wrapped(format, columns.size(), side); }
};

Result<RecordShape> shape_of(const FormatSpec& format, const RegisteredSchema& schema,
                             const SchemaRegistry& registry) {
  RecordShape shape{.format = {.name = format.name, .full_name = format.full_name}, .columns = {}};
  const auto text = registry.resolved(schema);
  if (!text) return Error{ErrorCode::InvalidText, text.error().message};
  shape.columns = TRY(infer_columns(shape.format, *text, Side::Key, NameCase::Exact));
  shape.format.schema_id = schema.id;
  shape.format.schema = bundle_schema(*text);
  return shape;
}

RecordShape declared_shape(const FormatSpec& format, std::span<const ColumnDef> columns,
                           Side side) {
  return {format, {columns.begin(), columns.end()}, side};
}

}  // namespace

bool has_schema(const FormatSpec& format) { return schema_kind_of(format.name).has_value(); }

Result<std::optional<std::string>> encode_with_schema(const CaseJson& node,
                                                      const SchemaSide& side) {
  if (node.is_null()) return std::optional<std::string>();
  RecordShape shape = declared_shape(side.format, side.columns, side.side);
  const auto latest = side.registry.latest(subject_of(side.topic, side.side));
  if (names_schema(side.format) && latest && latest->schema)
    shape = TRY(shape_of(side.format, *latest->schema, side.registry));
  std::vector<Column> columns;
  std::vector<const Column*> pointers;
  const bool is_bare = shape.is_bare();
  for (const ColumnDef& column : shape.columns) {
    const CaseJson* member = is_bare ? &node : find_member(node, column.name);
    columns.emplace_back(column.type);
    columns.back().append_value(member ? TRY(to_value(*member, column.type)) : Value());
  }
  for (const Column& column : columns) pointers.push_back(&column);
  const auto writer = TRY(make_writer(shape.format, shape.columns, shape.side));
  EncodedRows rows;
  const Bitmap present(1, true);
  writer->write(pointers, {0, 1}, &present, rows);
  if (!rows.problems.empty()) return Error{ErrorCode::InvalidText, rows.problems.front().message};
  std::optional<std::string> bytes;
  if (rows[0]) bytes = std::string(*rows[0]);
  return bytes;
}

Result<Observed> observe_with_schema(const std::string& bytes, const FormatSpec& format,
                                     std::span<const ColumnDef> columns, Side side,
                                     const SchemaRegistry& registry) {
  RecordShape shape = declared_shape(format, columns, side);
  if (names_schema(format)) {
    std::string_view payload = bytes;
    const std::optional<int32_t> id = take_schema_header(payload);
    const auto schema = id ? registry.schema(*id) : nullptr;
    if (!schema) return Error{ErrorCode::InvalidText, "the record names no registered schema"};
    shape = TRY(shape_of(format, *schema, registry));
  }
  const auto reader = TRY(make_reader(shape.format, shape.columns, shape.side, {}, &registry));
  std::vector<Column> read;
  std::vector<Column*> outs;
  for (const ColumnDef& column : shape.columns) read.emplace_back(column.type);
  for (Column& column : read) outs.push_back(&column);
  const std::optional<std::string_view> payload = bytes;
  RowStatus status;
  reader->read({&payload, 1}, outs, status);
  if (status.errors != 0) return Error{ErrorCode::InvalidText, status.problems.front().message};
  if (shape.is_bare() && read.size() == 1)
    return observed(read.front().value_at(0), shape.columns.front().type);
  Observed record{.kind = ObservedKind::Object};
  for (size_t i = 0; i < read.size(); ++i)
    record.fields.emplace_back(shape.columns[i].name,
                               observed(read[i].value_at(0), shape.columns[i].type));
  return record;
}

}  // namespace engine
