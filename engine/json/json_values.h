// Writes and reads the dialect's types, values, schemas and formats as JSON (docs/formats/plan.md).
// Include this file only in .cc files, because it includes simdjson.
#pragma once
#include "base/uuid.h"
#include "engine/formats/spec.h"
#include "engine/json/json_codec.h"
#include "engine/sql/ast.h"
#include "engine/types/batch.h"
#include "engine/types/schema.h"
#include "engine/types/value.h"

namespace engine {

// A type is written in one of these forms: "BIGINT", "DECIMAL(4, 2)", {"array": T}, {"map": [K,
// V]}, {"struct": [["A", T], ...]}
template <>
struct JsonCodec<SqlType> {
  static void write(JsonWriter& out, const SqlType& type);
  static bool read(const JsonValue& json, SqlType& type);
};

// The form of a value depends on its payload: null, true, {"int": 1}, {"bigint": 1}, {"double":
// "1.5"}, {"decimal": "1.50"}, "text", {"bytes": base64}, [items], {"map": [[key, value], ...]}. A
// text that is not UTF-8 is written as bytes; it is read back as the same payload.
template <>
struct JsonCodec<Value> {
  static void write(JsonWriter& out, const Value& value);
  static bool read(const JsonValue& json, Value& value);
};

template <>
struct JsonCodec<Uuid> {
  static void write(JsonWriter& out, const Uuid& id);  // writes 32 hexadecimal digits
  static bool read(const JsonValue& json, Uuid& id);
};

// Writes a char as a text of one character.
template <>
struct JsonCodec<char> {
  static void write(JsonWriter& out, char value) { out.text({&value, 1}); }
  static bool read(const JsonValue& json, char& value) {
    std::string text;
    if (!json.read(text)) return false;
    if (text.size() != 1) return json.fail("one character was expected");
    value = text.front();
    return true;
  }
};

template <>
struct JsonNames<ColumnRole> {
  static constexpr std::pair<ColumnRole, std::string_view> names[] = {
      {ColumnRole::Key, "key"}, {ColumnRole::Value, "value"}, {ColumnRole::Headers, "headers"}};
};
template <>
struct JsonNames<SourceKind> {
  static constexpr std::pair<SourceKind, std::string_view> names[] = {
      {SourceKind::Stream, "stream"}, {SourceKind::Table, "table"}};
};
template <>
struct JsonNames<WindowType> {
  static constexpr std::pair<WindowType, std::string_view> names[] = {
      {WindowType::Tumbling, "tumbling"},
      {WindowType::Hopping, "hopping"},
      {WindowType::Session, "session"}};
};
template <>
struct JsonNames<JoinType> {
  static constexpr std::pair<JoinType, std::string_view> names[] = {{JoinType::Inner, "inner"},
                                                                    {JoinType::Left, "left"},
                                                                    {JoinType::Right, "right"},
                                                                    {JoinType::Full, "full"}};
};

template <>
struct JsonFields<ColumnDef> {
  static constexpr auto fields = std::tuple(
      json_field("name", &ColumnDef::name), json_field("type", &ColumnDef::type),
      json_field("role", &ColumnDef::role), json_field("header", &ColumnDef::header_key),
      json_field("not_null", &ColumnDef::is_not_null), json_field("serial", &ColumnDef::is_serial),
      json_field("default", &ColumnDef::default_sql));
};
template <>
struct JsonCodec<Schema> {
  static void write(JsonWriter& out, const Schema& schema) { write_json(out, schema.columns); }
  static bool read(const JsonValue& json, Schema& schema) {
    return read_json(json, schema.columns);
  }
};
template <>
struct JsonFields<FormatSpec> {
  static constexpr auto fields = std::tuple(
      json_field("name", &FormatSpec::name), json_field("delimiter", &FormatSpec::delimiter),
      json_field("wrap_single", &FormatSpec::wrap_single),
      json_field("schema_id", &FormatSpec::schema_id), json_field("schema", &FormatSpec::schema),
      json_field("full_name", &FormatSpec::full_name), json_field("nulls", &FormatSpec::nulls));
};
template <>
struct JsonFields<LayoutColumn> {
  static constexpr auto fields =
      std::tuple(json_field("source", &LayoutColumn::source),
                 json_field("name", &LayoutColumn::name), json_field("type", &LayoutColumn::type));
};

}  // namespace engine
