#include "engine/connect/postgres/pg_types.h"

#include <fmt/format.h>

#include "engine/connect/postgres/pg_times.h"
#include "engine/connect/state_record.h"
#include "engine/types/text_bytes.h"

namespace engine {

namespace {

constexpr int32_t kMicroseconds = 6;  // digits of a second without a modifier
constexpr int32_t kMilliseconds = 3;
constexpr int32_t kHeaderOfModifier = 4;  // PostgreSQL's VARHDRSZ
constexpr int32_t kMoneyDigits = 2;

struct NamedKind {
  std::string_view name;
  PgKind kind;
};
constexpr NamedKind kKinds[] = {
    {"int2", PgKind::Int16},
    {"int4", PgKind::Int32},
    {"int8", PgKind::Int64},
    {"oid", PgKind::Int64},
    {"bool", PgKind::Boolean},
    {"float4", PgKind::Float32},
    {"float8", PgKind::Float64},
    {"text", PgKind::Text},
    {"varchar", PgKind::Text},
    {"bpchar", PgKind::Text},
    {"char", PgKind::Text},
    {"name", PgKind::Text},
    {"citext", PgKind::Text},
    {"inet", PgKind::Text},
    {"cidr", PgKind::Text},
    {"macaddr", PgKind::Text},
    {"macaddr8", PgKind::Text},
    {"int4range", PgKind::Text},
    {"int8range", PgKind::Text},
    {"numrange", PgKind::Text},
    {"tsrange", PgKind::Text},
    {"tstzrange", PgKind::Text},
    {"daterange", PgKind::Text},
    {"uuid", PgKind::Uuid},
    {"json", PgKind::Json},
    {"jsonb", PgKind::Json},
    {"xml", PgKind::Xml},
    {"numeric", PgKind::Decimal},
    {"money", PgKind::Money},
    {"date", PgKind::Date},
    {"timestamp", PgKind::Timestamp},
    {"timestamptz", PgKind::TimestampTz},
    {"time", PgKind::Time},
    {"timetz", PgKind::TimeTz},
    {"interval", PgKind::Interval},
    {"bytea", PgKind::Bytes},
    {"bit", PgKind::Bits},
    {"varbit", PgKind::Bits},
};

// A type in a schema: the base type of Kafka Connect, and the name of the logical type.
struct ConnectType {
  std::string_view type;
  std::string_view name = {};
  std::string parameters = {};  // a JSON object
};

ConnectType bytes_type(const PgValueModes& modes) {
  return {modes.binary == BinaryMode::Bytes ? "bytes" : "string"};
}

ConnectType decimal_type(const PgType& type, const PgValueModes& modes) {
  if (modes.decimals == DecimalMode::String) return {"string"};
  if (modes.decimals == DecimalMode::Double) return {"double"};
  JsonObjectText parameters;
  parameters.text("scale", std::to_string(type.scale));
  if (type.kind == PgKind::Decimal)
    parameters.text("connect.decimal.precision", std::to_string(type.precision));
  return {"bytes", "org.apache.kafka.connect.data.Decimal", parameters.take()};
}

ConnectType connect_type(const PgType& type, const PgValueModes& modes) {
  const bool is_connect = modes.times == TimeMode::Connect;
  const bool has_ms = type.precision <= kMilliseconds;
  switch (type.kind) {
    case PgKind::Int16:
      return {"int16"};
    case PgKind::Int32:
      return {"int32"};
    case PgKind::Int64:
      return {"int64"};
    case PgKind::Boolean:
    case PgKind::Bit:
      return {"boolean"};
    case PgKind::Float32:
      return {"float"};
    case PgKind::Float64:
      return {"double"};
    case PgKind::Text:
      return {"string"};
    case PgKind::Uuid:
      return {"string", "io.debezium.data.Uuid"};
    case PgKind::Json:
      return {"string", "io.debezium.data.Json"};
    case PgKind::Xml:
      return {"string", "io.debezium.data.Xml"};
    case PgKind::Enum:
      return {"string", "io.debezium.data.Enum",
              JsonObjectText().text("allowed", type.labels).take()};
    case PgKind::Decimal:
    case PgKind::Money:
      return decimal_type(type, modes);
    case PgKind::VariableDecimal:
      if (modes.decimals != DecimalMode::Precise) return decimal_type(type, modes);
      return {"struct", "io.debezium.data.VariableScaleDecimal"};
    case PgKind::Date:
      return {"int32", is_connect ? "org.apache.kafka.connect.data.Date" : "io.debezium.time.Date"};
    case PgKind::Timestamp:
      if (is_connect) return {"int64", "org.apache.kafka.connect.data.Timestamp"};
      return {"int64", has_ms ? "io.debezium.time.Timestamp" : "io.debezium.time.MicroTimestamp"};
    case PgKind::TimestampTz:
      return {"string", "io.debezium.time.ZonedTimestamp"};
    case PgKind::Time:
      if (is_connect) return {"int32", "org.apache.kafka.connect.data.Time"};
      if (has_ms && modes.times == TimeMode::Adaptive) return {"int32", "io.debezium.time.Time"};
      return {"int64", "io.debezium.time.MicroTime"};
    case PgKind::TimeTz:
      return {"string", "io.debezium.time.ZonedTime"};
    case PgKind::Interval:
      if (modes.intervals == IntervalMode::String) return {"string", "io.debezium.time.Interval"};
      return {"int64", "io.debezium.time.MicroDuration"};
    case PgKind::Bytes:
      return bytes_type(modes);
    case PgKind::Bits:
      return {"bytes", "io.debezium.data.Bits",
              JsonObjectText().text("length", std::to_string(type.precision)).take()};
    case PgKind::Array:
      return {"array"};
  }
  return {"string"};
}

std::string base64_json(std::string_view bytes) {
  std::string out = "\"";
  append_base64(out, bytes);
  return out + "\"";
}

Error no_value(std::string_view text, std::string_view of) {
  return {ErrorCode::InvalidText, fmt::format("\"{}\" is not a text of type {}", text, of)};
}

// Converts a number without a point to big-endian two's complement with the fewest bytes, as java.math.BigInteger does.
std::string big_endian_of_digits(std::string_view digits, bool is_negative) {
  std::string bytes;  // the magnitude, the lowest byte first
  for (const char digit : digits) {
    unsigned carry = static_cast<unsigned>(digit - '0');
    for (char& byte : bytes) {
      carry += static_cast<uint8_t>(byte) * 10U;
      byte = static_cast<char>(carry & 0xFFU);
      carry >>= 8U;
    }
    if (carry != 0) bytes.push_back(static_cast<char>(carry));
  }
  bytes.push_back('\0');  // the sign
  if (is_negative) {
    unsigned carry = 1;
    for (char& byte : bytes) {
      carry += static_cast<uint8_t>(~byte);
      byte = static_cast<char>(carry & 0xFFU);
      carry >>= 8U;
    }
  }
  const auto is_spare = [&] {
    const auto top = static_cast<uint8_t>(bytes[bytes.size() - 1]);
    const bool next_is_negative = (static_cast<uint8_t>(bytes[bytes.size() - 2]) & 0x80U) != 0;
    return (top == 0 && !next_is_negative) || (top == 0xFF && next_is_negative);
  };
  while (bytes.size() > 1 && is_spare()) bytes.pop_back();
  return {bytes.rbegin(), bytes.rend()};
}

struct Digits {
  std::string digits;
  bool is_negative = false;
  int32_t scale = 0;
};
Result<Digits> read_digits(std::string_view text) {
  Digits number;
  std::string_view rest = text;
  if (rest.starts_with('-')) {
    number.is_negative = true;
    rest.remove_prefix(1);
  }
  bool is_fraction = false;
  for (const char c : rest) {
    if (c == '.' && !is_fraction) {
      is_fraction = true;
      continue;
    }
    if (c < '0' || c > '9') {
      Error error{ErrorCode::OutOfRange,
                  fmt::format("the value {} has no form in Kafka Connect's type Decimal", text)};
      error.hint = "Set decimal.handling.mode to string.";
      return error;
    }
    number.digits += c;
    if (is_fraction) ++number.scale;
  }
  if (number.digits.empty()) return no_value(text, "numeric");
  return number;
}

Result<std::string> decimal_json(const PgType& type, const PgValueModes& modes,
                                 std::string_view text) {
  if (modes.decimals == DecimalMode::String) return json_string(text);
  Digits number;
  if (modes.decimals == DecimalMode::Double) {
    if (text == "NaN" || text.ends_with("Infinity")) return json_string(text);
    number = TRY(read_digits(text));
    return std::string(text);
  }
  number = TRY(read_digits(text));
  if (type.kind == PgKind::VariableDecimal)
    return JsonObjectText()
        .number("scale", number.scale)
        .json("value", base64_json(big_endian_of_digits(number.digits, number.is_negative)))
        .take();
  for (; number.scale < type.scale; ++number.scale) number.digits += '0';
  return base64_json(big_endian_of_digits(number.digits, number.is_negative));
}

// Converts "-$1,234.56" or "($1,234.56)" to "-1234.56".
Result<std::string> money_json(const PgType& type, const PgValueModes& modes,
                               std::string_view text) {
  std::string plain;
  for (const char c : text) {
    if (c == '-' || c == '(') plain = "-";
    if ((c >= '0' && c <= '9') || c == '.') plain += c;
  }
  return decimal_json(type, modes, plain);
}

Result<std::string> decode_pg_hex(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  if (!text.starts_with("\\x") || text.size() % 2 != 0) return no_value(text, "bytea");
  std::string bytes;
  for (size_t i = 2; i < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return no_value(text, "bytea");
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

Result<std::string> bytes_json(const PgValueModes& modes, std::string_view text) {
  const std::string bytes = TRY(decode_pg_hex(text));
  if (modes.binary == BinaryMode::Hex) return json_string(text.substr(2));
  std::string json = base64_json(bytes);
  if (modes.binary == BinaryMode::Base64UrlSafe)
    for (char& c : json) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return json;
}

// Converts bits to little-endian bytes: the last digit is the lowest bit of the first byte.
Result<std::string> bits_json(const PgType& type, std::string_view text) {
  const size_t length = std::max(text.size(), static_cast<size_t>(std::max(type.precision, 0)));
  std::string bytes((std::min(length, text.size() + 7) + 7) / 8, '\0');
  for (size_t i = 0; i < text.size(); ++i) {
    const char digit = text[text.size() - 1 - i];
    if (digit != '0' && digit != '1') return no_value(text, "bit");
    if (digit == '1') bytes[i / 8] = static_cast<char>(bytes[i / 8] | 1 << i % 8);
  }
  return base64_json(bytes);
}

Result<std::string> timestamp_json(const PgType& type, const PgValueModes& modes,
                                   std::string_view text) {
  // The numbers that Debezium writes for infinities. They come from PostgreSQL's JDBC driver
  // (org.postgresql.PGStatement).
  constexpr int64_t kInfinity = 9'223'372'036'825'200'000,
                    kMinusInfinity = -9'223'372'036'832'400'000;
  const int64_t us = text == "infinity"    ? kInfinity
                     : text == "-infinity" ? kMinusInfinity
                                           : TRY(pg_timestamp_us(text));
  const bool has_ms = modes.times == TimeMode::Connect || type.precision <= kMilliseconds;
  if (!has_ms) return std::to_string(us);
  return std::to_string((us >= 0 ? us : us - 999) / 1'000);
}

Result<std::string> date_json(std::string_view text) {
  if (text == "infinity") return std::to_string(INT32_MAX);
  if (text == "-infinity") return std::to_string(INT32_MIN);
  return std::to_string(TRY(pg_date_days(text)));
}

Result<std::string> interval_json(const PgValueModes& modes, std::string_view text) {
  const PgInterval interval = TRY(pg_interval(text));
  constexpr int64_t second_us = 1'000'000, day_us = 86'400 * second_us;
  if (modes.intervals == IntervalMode::Numeric) {
    // Debezium's month has 365.25 / 12 days.
    constexpr int64_t month_us = day_us * 36'525 / 1'200;
    return std::to_string(interval.months * month_us + interval.days * day_us + interval.us);
  }
  const int64_t seconds = interval.us / second_us;
  std::string second = std::to_string(seconds % 60);
  if (const int64_t fraction = std::abs(interval.us % second_us); fraction != 0) {
    if (interval.us < 0 && seconds % 60 == 0) second = "-0";
    second += fmt::format(".{:06}", fraction);
    while (second.ends_with('0')) second.pop_back();
  }
  return json_string(fmt::format("P{}Y{}M{}DT{}H{}M{}S", interval.months / 12, interval.months % 12,
                                 interval.days, seconds / 3'600, seconds / 60 % 60, second));
}

// Reads one element from the front of an array's text, such as {1,"a\"b",NULL}.
struct Element {
  std::string text;
  bool is_null = false;
};
Result<Element> take_element(std::string_view& rest) {
  Element element;
  if (rest.starts_with('"')) {
    rest.remove_prefix(1);
    while (!rest.empty() && rest[0] != '"') {
      if (rest[0] == '\\') rest.remove_prefix(1);
      if (rest.empty()) break;
      element.text += rest[0];
      rest.remove_prefix(1);
    }
    if (rest.empty()) return no_value(element.text, "array");
    rest.remove_prefix(1);
    return element;
  }
  const size_t end = std::min(rest.find_first_of(",}"), rest.size());
  element.text = rest.substr(0, end);
  element.is_null = element.text == "NULL";
  rest.remove_prefix(end);
  return element;
}

Result<std::string> array_json(const PgType& type, const PgValueModes& modes,
                               std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with('['))
    rest.remove_prefix(std::min(rest.find('=') + 1, rest.size()));  // bounds
  if (rest.size() < 2 || rest[0] != '{' || !rest.ends_with('}')) return no_value(text, "array");
  if (rest[1] == '{')
    return Error{ErrorCode::OutOfRange,
                 "an array of several dimensions has no form in Kafka Connect's types",
                 {},
                 "Leave the column out with column.exclude.list."};
  rest.remove_prefix(1);
  std::string out = "[";
  while (!rest.empty() && rest[0] != '}') {
    const Element element = TRY(take_element(rest));
    if (out.size() > 1) out += ',';
    out += element.is_null ? "null" : TRY(pg_value_json(*type.element, modes, element.text));
    if (rest.starts_with(',')) rest.remove_prefix(1);
  }
  return out + "]";
}

// Converts a floating-point number to JSON. "NaN" and "Infinity" become texts, as JsonConverter writes them.
std::string float_json(std::string_view text) {
  if (text == "NaN" || text.ends_with("Infinity")) return json_string(text);
  const bool is_whole = text.find_first_not_of("-0123456789") == text.npos;
  return std::string(text) + (is_whole ? ".0" : "");
}

}  // namespace

std::optional<PgType> pg_type_of(const PgTypeName& name) {
  if (name.is_array) {
    PgTypeName of_element = name;
    of_element.is_array = false;
    auto element = pg_type_of(of_element);
    if (!element) return std::nullopt;
    PgType array{.kind = PgKind::Array};
    array.element = std::make_shared<const PgType>(*std::move(element));
    return array;
  }
  if (name.is_enum) return PgType{.kind = PgKind::Enum, .labels = name.labels};
  PgType type;
  bool is_known = false;
  for (const auto& [known, kind] : kKinds) {
    if (known != name.name) continue;
    type.kind = kind;
    is_known = true;
  }
  if (!is_known) return std::nullopt;
  switch (type.kind) {
    case PgKind::Decimal:
      if (name.modifier < kHeaderOfModifier) {
        type.kind = PgKind::VariableDecimal;
      } else {
        const int32_t packed = name.modifier - kHeaderOfModifier;
        type.precision = packed >> 16 & 0xFFFF;
        type.scale = ((packed & 0x7FF) ^ 1024) - 1024;  // a signed number of eleven bits
        // A negative scale means rounding to tens or hundreds. Scale 0 can represent such numbers.
        type.scale = std::max(type.scale, 0);
      }
      break;
    case PgKind::Money:
      type.scale = kMoneyDigits;
      break;
    case PgKind::Timestamp:
    case PgKind::Time:
      type.precision = name.modifier >= 0 ? name.modifier : kMicroseconds;
      break;
    case PgKind::Bits:
      type.precision = name.modifier > 0 ? name.modifier : INT32_MAX;
      if (name.name == "bit" && name.modifier == 1) type.kind = PgKind::Bit;
      break;
    default:
      break;
  }
  return type;
}

std::string pg_schema_json(const PgType& type, const PgValueModes& modes, bool is_optional,
                           std::string_view field) {
  const ConnectType shown = connect_type(type, modes);
  JsonObjectText schema;
  schema.text("type", shown.type);
  if (type.kind == PgKind::Array)
    schema.json("items", pg_schema_json(*type.element, modes, true, {}));
  if (shown.type == "struct")
    schema.json(
        "fields",
        R"([{"type":"int32","optional":false,"field":"scale"},{"type":"bytes","optional":false,"field":"value"}])");
  schema.flag("optional", is_optional);
  if (!shown.name.empty()) schema.text("name", shown.name).number("version", 1);
  if (!shown.parameters.empty()) schema.json("parameters", shown.parameters);
  if (!field.empty()) schema.text("field", field);
  return schema.take();
}

Result<std::string> pg_value_json(const PgType& type, const PgValueModes& modes,
                                  std::string_view text) {
  constexpr int64_t kUsOfMs = 1'000;
  switch (type.kind) {
    case PgKind::Int16:
    case PgKind::Int32:
    case PgKind::Int64:
      return std::string(text);
    case PgKind::Boolean:
      return std::string(text == "t" ? "true" : "false");
    case PgKind::Bit:
      return std::string(text == "1" ? "true" : "false");
    case PgKind::Float32:
    case PgKind::Float64:
      return float_json(text);
    case PgKind::Text:
    case PgKind::Uuid:
    case PgKind::Json:
    case PgKind::Xml:
    case PgKind::Enum:
      return json_string(text);
    case PgKind::Decimal:
    case PgKind::VariableDecimal:
      return decimal_json(type, modes, text);
    case PgKind::Money:
      return money_json(type, modes, text);
    case PgKind::Date:
      return date_json(text);
    case PgKind::Timestamp:
      return timestamp_json(type, modes, text);
    case PgKind::TimestampTz:
      // The texts of infinities come from PostgreSQL's JDBC driver, as for timestamps without a zone.
      if (text == "infinity") return std::string("\"+292278994-08-16T23:00:00Z\"");
      if (text == "-infinity") return std::string("\"-292275055-05-16T23:00:00Z\"");
      return json_string(zoned_timestamp_text(TRY(pg_timestamp_us(text))));
    case PgKind::Time: {
      const int64_t us = TRY(pg_time_us(text));
      const bool has_ms = connect_type(type, modes).type == "int32";
      return std::to_string(has_ms ? us / kUsOfMs : us);
    }
    case PgKind::TimeTz:
      return json_string(zoned_time_text(TRY(pg_timetz_us(text))));
    case PgKind::Interval:
      return interval_json(modes, text);
    case PgKind::Bytes:
      return bytes_json(modes, text);
    case PgKind::Bits:
      return bits_json(type, text);
    case PgKind::Array:
      return array_json(type, modes, text);
  }
  return no_value(text, "a known type");
}

std::string pg_unavailable_json(const PgType& type, const PgValueModes& modes) {
  switch (type.kind) {
    case PgKind::Bytes: {
      std::string hex = "\\x";
      for (const char c : modes.unavailable) hex += fmt::format("{:02x}", static_cast<uint8_t>(c));
      return bytes_json(modes, hex).value_or("null");
    }
    case PgKind::Array: {
      const auto item = pg_unavailable_json(*type.element, modes);
      return item == "null" ? item : fmt::format("[{}]", item);
    }
    case PgKind::Text:
    case PgKind::Json:
    case PgKind::Xml:
      return json_string(modes.unavailable);
    default:
      // The values of other types are small, so PostgreSQL always sends them, except for a numeric
      // with thousands of digits.
      return modes.decimals == DecimalMode::String ? json_string(modes.unavailable) : "null";
  }
}

}  // namespace engine
