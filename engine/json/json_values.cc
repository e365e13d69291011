#include "engine/json/json_values.h"

#include <fmt/format.h>

#include <charconv>

#include "engine/types/postgres_types.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

// Stored names of types. They stay the same even if the dialect prints a type differently.
constexpr std::pair<TypeKind, std::string_view> kScalars[] = {
    {TypeKind::Null, "NULL"},       {TypeKind::Boolean, "BOOLEAN"},
    {TypeKind::Integer, "INTEGER"}, {TypeKind::Bigint, "BIGINT"},
    {TypeKind::Double, "DOUBLE"},   {TypeKind::String, "STRING"},
    {TypeKind::Bytes, "BYTES"},     {TypeKind::Date, "DATE"},
    {TypeKind::Time, "TIME"},       {TypeKind::Timestamp, "TIMESTAMP"}};

bool read_scalar(const JsonValue& json, const std::string& text, SqlType& type) {
  for (const auto& [kind, name] : kScalars) {
    if (name != text) continue;
    type = SqlType(kind);
    return true;
  }
  int precision = 0, scale = 0;
  if (std::sscanf(text.c_str(), "DECIMAL(%d, %d)", &precision, &scale) == 2 && precision >= 1 &&
      precision <= kMaxDecimalPrecision && scale >= 0 && scale <= precision) {
    type = SqlType::decimal(precision, scale);
    return true;
  }
  return json.fail(fmt::format("there is no type {}", text));
}

bool read_fields_of(const JsonValue& json, std::vector<Field>& fields) {
  const bool is_read = json.each_item([&](const JsonValue& pair) {
    Field& field = fields.emplace_back();
    int at = 0;
    return pair.each_item([&](const JsonValue& part) {
      return at++ == 0 ? part.read(field.name) : read_json(part, field.type);
    });
  });
  return is_read;
}

void write_fields(JsonWriter& out, const std::vector<Field>& fields) {
  out.begin_array();
  for (const Field& field : fields) {
    out.begin_array();
    out.text(field.name);
    write_json(out, field.type);
    out.end_array();
  }
  out.end_array();
}

// Writes a type of PostgreSQL by its name: {"postgres": "uuid"}. A type of CREATE TYPE is written in full, so that
// reading needs no catalog: {"enum": "MOOD", "labels": [...]}.
bool write_label(JsonWriter& out, const SqlType& type) {
  const PostgresLabelRow* row = find_label(type.label());
  if (row == nullptr && type.name().empty()) return false;
  out.begin_object();
  if (row != nullptr) {
    out.key("postgres");
    out.text(row->name);
  } else {
    out.key(type.label() == label::kEnum ? "enum" : "composite");
    out.text(type.name());
    out.key("fields");
    write_fields(out, type.fields());
  }
  out.end_object();
  return true;
}

bool read_named(const JsonValue& json, const JsonValue& named, bool is_enum, SqlType& type) {
  std::string name;
  std::vector<Field> fields;
  const auto list = json.find("fields");
  if (!named.read(name) || !list || !read_fields_of(*list, fields)) return false;
  type = SqlType::named(is_enum ? TypeKind::String : TypeKind::Struct,
                        is_enum ? label::kEnum : label::kComposite, std::move(name),
                        std::move(fields));
  return true;
}

bool read_two(const JsonValue& json, auto& first, auto& second) {
  int count = 0;
  const bool is_read = json.each_item([&](const JsonValue& part) {
    ++count;
    if (count > 2) return json.fail("a pair was expected");
    return count == 1 ? read_json(part, first) : read_json(part, second);
  });
  return is_read && (count == 2 || json.fail("a pair was expected"));
}

}  // namespace

void JsonCodec<SqlType>::write(JsonWriter& out, const SqlType& type) {
  // A type with a modifier is written as {"type": {"postgres": "varchar"}, "modifier": 24}, for
  // example.
  if (type.kind() != TypeKind::Decimal && type.modifier() >= 0) {
    out.begin_object();
    out.key("type");
    write_json(out, type.with_modifier(-1));
    out.key("modifier");
    out.number(type.modifier());
    return out.end_object();
  }
  // In PostgreSQL, an exact time has the same type name as the plain type, whose values are numbers
  // in this server. So exact times are marked.
  if (is_exact_time(type.label())) {
    out.begin_object();
    out.key("exact");
    write_json(out, plain_time(type.label()));
    return out.end_object();
  }
  if (write_label(out, type)) return;
  switch (type.kind()) {
    case TypeKind::Decimal:
      return out.text(fmt::format("DECIMAL({}, {})", type.precision(), type.scale()));
    case TypeKind::Array:
      out.begin_object();
      out.key("array");
      write_json(out, type.element());
      return out.end_object();
    case TypeKind::Map:
      out.begin_object();
      out.key("map");
      out.begin_array();
      write_json(out, type.key());
      write_json(out, type.value());
      out.end_array();
      return out.end_object();
    case TypeKind::Struct:
      out.begin_object();
      out.key("struct");
      write_fields(out, type.fields());
      return out.end_object();
    default:
      for (const auto& [kind, name] : kScalars)
        if (kind == type.kind()) return out.text(name);
  }
}

bool JsonCodec<SqlType>::read(const JsonValue& json, SqlType& type) {
  if (json.is_text()) {
    std::string text;
    return json.read(text) && read_scalar(json, text, type);
  }
  SqlType first, second;
  if (const auto modifier = json.find("modifier")) {
    const auto named = json.find("type");
    int32_t number = -1;
    if (!named || !read_json(*named, first) || !read_json(*modifier, number)) return false;
    type = first.with_modifier(number);
    return true;
  }
  if (const auto array = json.find("array")) {
    if (!read_json(*array, first)) return false;
    type = SqlType::array(std::move(first));
    return true;
  }
  if (const auto map = json.find("map")) {
    if (!read_two(*map, first, second)) return false;
    type = SqlType::map(std::move(first), std::move(second));
    return true;
  }
  if (const auto list = json.find("struct")) {
    std::vector<Field> fields;
    if (!read_fields_of(*list, fields)) return false;
    type = SqlType::structure(std::move(fields));
    return true;
  }
  if (const auto exact = json.find("exact")) {
    if (!read_json(*exact, first)) return false;
    if (!first.is_time_like()) return json.fail("a date, a time or a timestamp was expected");
    type = exact_time(first);
    return true;
  }
  if (const auto named = json.find("postgres")) {
    std::string name;
    if (!named->read(name)) return false;
    const PostgresLabelRow* row = label_named(name);
    if (row == nullptr) return json.fail(fmt::format("there is no type {}", name));
    type = type_of(*row);
    return true;
  }
  if (const auto named = json.find("enum")) return read_named(json, *named, true, type);
  if (const auto named = json.find("composite")) return read_named(json, *named, false, type);
  return json.fail("a type was expected");
}

namespace {

struct ValueWriter {
  JsonWriter& out;

  void operator()(std::monostate) const { out.null(); }
  void operator()(bool value) const { out.boolean(value); }
  void operator()(int32_t value) const {
    tagged("int", [&] { out.number(value); });
  }
  void operator()(int64_t value) const {
    tagged("bigint", [&] { out.number(value); });
  }
  void operator()(double value) const {
    // Writes the shortest text that is read back as the same bits; NaN and infinities are "nan" and "inf".
    char text[64];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    tagged("double", [&] { out.text({text, static_cast<size_t>(end - text)}); });
  }
  void operator()(const Decimal& value) const {
    tagged("decimal", [&] { out.text(decimal_text(value.unscaled, value.scale)); });
  }
  void operator()(const std::string& value) const {
    if (is_utf8(value)) return out.text(value);
    std::string base64;
    append_base64(base64, value);
    tagged("bytes", [&] { out.text(base64); });
  }
  void operator()(const std::shared_ptr<const ValueList>& items) const { write_json(out, *items); }
  void operator()(const std::shared_ptr<const ValueMap>& entries) const {
    tagged("map", [&] {
      out.begin_array();
      for (const auto& [key, value] : *entries) {
        out.begin_array();
        write_json(out, key);
        write_json(out, value);
        out.end_array();
      }
      out.end_array();
    });
  }

 private:
  void tagged(std::string_view tag, const auto& write_content) const {
    out.begin_object();
    out.key(tag);
    write_content();
    out.end_object();
  }
};

bool read_text_value(const JsonValue& json, std::string_view tag, Value& value) {
  std::string text;
  if (!json.read(text)) return false;
  if (tag == "double") {
    double number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size())
      return json.fail("a number was expected");
    value = Value::number(number);
    return true;
  }
  if (tag == "decimal") {
    const auto number = parse_decimal(text);
    if (!number) return json.fail("a number was expected");
    value = Value(Value::Payload(*number));
    return true;
  }
  const auto bytes = decode_base64(text);
  if (!bytes) return json.fail("base64 was expected");
  value = Value::text(*bytes);
  return true;
}

bool read_tagged(const JsonValue& json, Value& value) {
  return json.each_member([&](std::string_view tag, const JsonValue& content) {
    if (tag == "int") {
      int32_t number = 0;
      if (!read_json(content, number)) return false;
      value = Value::integer(number);
      return true;
    }
    if (tag == "bigint") {
      int64_t number = 0;
      if (!content.read(number)) return false;
      value = Value::bigint(number);
      return true;
    }
    if (tag != "map") return read_text_value(content, tag, value);
    ValueMap entries;
    if (!content.each_item([&](const JsonValue& pair) {
          auto& [first, second] = entries.emplace_back();
          return read_two(pair, first, second);
        }))
      return false;
    value = Value::map(std::move(entries));
    return true;
  });
}

}  // namespace

void JsonCodec<Value>::write(JsonWriter& out, const Value& value) {
  std::visit(ValueWriter{out}, value.payload());
}

bool JsonCodec<Value>::read(const JsonValue& json, Value& value) {
  if (json.is_null()) {
    value = Value();
    return true;
  }
  if (json.is_object()) return read_tagged(json, value);
  if (json.is_text()) {
    std::string text;
    if (!json.read(text)) return false;
    value = Value::text(std::move(text));
    return true;
  }
  if (json.is_array()) {
    ValueList items;
    if (!read_json(json, items)) return false;
    value = Value::list(std::move(items));
    return true;
  }
  bool flag = false;
  if (!json.read(flag)) return false;
  value = Value::boolean(flag);
  return true;
}

void JsonCodec<Uuid>::write(JsonWriter& out, const Uuid& id) {
  std::string text;
  append_hex(text, {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()},
             HexCase::Lower);
  out.text(text);
}

bool JsonCodec<Uuid>::read(const JsonValue& json, Uuid& id) {
  std::string text;
  if (!json.read(text)) return false;
  const auto bytes = decode_hex(text);
  if (!bytes || bytes->size() != id.bytes.size()) return json.fail("an id was expected");
  std::memcpy(id.bytes.data(), bytes->data(), bytes->size());
  return true;
}

}  // namespace engine
