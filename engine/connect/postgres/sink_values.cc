#include "engine/connect/postgres/sink_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/connect/postgres/pg_times.h"
#include "engine/connect/transforms/connect_record.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

using MaybeText = std::optional<std::string>;
using Convert = Result<std::string> (*)(const JsonTree& value, const JsonTree& schema);

constexpr int64_t kUsPerMs = 1'000;
constexpr int64_t kNsPerUs = 1'000;
constexpr int64_t kMostUsOfDay = 86'400'000'000;

Error wrong(const JsonTree& value, std::string_view type) {
  return {ErrorCode::InvalidText,
          fmt::format("{} is not a value of type {}", kind_name(value), type)};
}

Result<int64_t> whole_number(const JsonTree& value, const JsonTree& schema) {
  const auto number = value.kind == JsonKind::Number ? parse_bigint(value.text) : std::nullopt;
  if (!number) return wrong(value, schema.text_of("name"));
  return *number;
}

Result<std::string> bytes_of(const JsonTree& value, std::string_view type) {
  auto bytes = value.kind == JsonKind::String ? decode_base64(value.text) : std::nullopt;
  if (bytes) return *std::move(bytes);
  if (value.kind != JsonKind::String) return wrong(value, type);
  return Error{ErrorCode::InvalidText, fmt::format("a value of type {} is not base64", type)};
}

// Returns the digits of a big-endian number in two's complement, with its sign.
Result<std::string> digits_of(std::string_view bytes) {
  // The time of the conversion grows with the square of the length. A number of 1,024 bytes has
  // more than 2,400 digits.
  constexpr size_t kMostBytes = 1'024;
  if (bytes.empty() || bytes.size() > kMostBytes)
    return Error{ErrorCode::InvalidText,
                 fmt::format("a Decimal has {} bytes, not 1 to {}", bytes.size(), kMostBytes)};
  constexpr unsigned kByteBits = 8, kSignBit = 0x80;
  std::vector<uint8_t> number(bytes.begin(), bytes.end());
  const bool is_negative = (number[0] & kSignBit) != 0;
  if (is_negative) {
    unsigned carry = 1;
    for (auto byte = number.rbegin(); byte != number.rend(); ++byte) {
      const unsigned sum = static_cast<uint8_t>(~*byte) + carry;
      *byte = static_cast<uint8_t>(sum);
      carry = sum >> kByteBits;
    }
  }
  // Each division by 10^9 gives the next nine digits, beginning with the last ones.
  constexpr uint64_t kGroup = 1'000'000'000;
  constexpr int kGroupDigits = 9;
  std::string reversed;
  size_t begin = 0;
  while (begin < number.size()) {
    uint64_t rest = 0;
    for (size_t i = begin; i < number.size(); ++i) {
      rest = rest << kByteBits | number[i];
      number[i] = static_cast<uint8_t>(rest / kGroup);
      rest %= kGroup;
    }
    while (begin < number.size() && number[begin] == 0) ++begin;
    for (int i = 0; i < kGroupDigits; ++i, rest /= 10)
      reversed += static_cast<char>('0' + rest % 10);
  }
  while (reversed.size() > 1 && reversed.back() == '0') reversed.pop_back();
  if (is_negative) reversed += '-';
  std::ranges::reverse(reversed);
  return reversed;
}

Result<std::string> scaled_text(std::string digits, int64_t scale) {
  constexpr int64_t kMostScale = 16'383;  // of PostgreSQL's numeric
  if (scale < -kMostScale || scale > kMostScale)
    return Error{ErrorCode::InvalidText, fmt::format("the scale {} is not one of numeric", scale)};
  if (scale <= 0) return digits + std::string(static_cast<size_t>(-scale), '0');
  const size_t sign = digits.starts_with('-') ? 1 : 0;
  const auto places = static_cast<size_t>(scale);
  if (digits.size() - sign <= places) digits.insert(sign, places + 1 - (digits.size() - sign), '0');
  return digits.insert(digits.size() - places, ".");
}

Result<std::string> decimal(const JsonTree& value, const JsonTree& schema) {
  // JsonConverter with decimal.format = NUMERIC writes a number.
  if (value.kind == JsonKind::Number) return value.text;
  const JsonTree* parameters = schema.find("parameters");
  const std::string scale = parameters == nullptr ? "0" : parameters->text_of("scale");
  const auto places = parse_bigint(scale);
  if (!places)
    return Error{ErrorCode::InvalidText, "the schema of a Decimal has no parameter \"scale\""};
  const std::string bytes = TRY(bytes_of(value, "Decimal"));
  return scaled_text(TRY(digits_of(bytes)), *places);
}

Result<std::string> decimal_with_scale(const JsonTree& value, const JsonTree& schema) {
  const JsonTree* scale = value.find("scale");
  const JsonTree* unscaled = value.find("value");
  if (scale == nullptr || unscaled == nullptr) return wrong(value, schema.text_of("name"));
  const std::string bytes = TRY(bytes_of(*unscaled, "VariableScaleDecimal"));
  std::string digits = TRY(digits_of(bytes));
  return scaled_text(std::move(digits), TRY(whole_number(*scale, schema)));
}

Result<std::string> days(const JsonTree& value, const JsonTree& schema) {
  return pg_date_text(TRY(whole_number(value, schema)));
}

Result<std::string> time_of_day(int64_t us) {
  if (us < 0 || us > kMostUsOfDay)
    return Error{ErrorCode::InvalidText, fmt::format("{} us are not a time of day", us)};
  return pg_time_text(us);
}

// Converts a number to microseconds: number * multiplied / divided. For milliseconds, `multiplied`
// is 1,000. For nanoseconds, `divided` is 1,000. The other parameter is 1.
template <int64_t multiplied, int64_t divided>
Result<int64_t> microseconds(const JsonTree& value, const JsonTree& schema) {
  int64_t us = 0;
  if (__builtin_mul_overflow(TRY(whole_number(value, schema)), multiplied, &us))
    return Error{ErrorCode::InvalidText, fmt::format("{} is out of range", value.text)};
  // Rounds down. For times before 1970, which are negative, `/` alone would round up.
  return us / divided - (us % divided < 0 ? 1 : 0);
}

template <int64_t multiplied, int64_t divided>
Result<std::string> time(const JsonTree& value, const JsonTree& schema) {
  return time_of_day(TRY((microseconds<multiplied, divided>(value, schema))));
}

template <int64_t multiplied, int64_t divided>
Result<std::string> timestamp(const JsonTree& value, const JsonTree& schema) {
  return pg_timestamp_text(TRY((microseconds<multiplied, divided>(value, schema))));
}

Result<std::string> duration(const JsonTree& value, const JsonTree& schema) {
  return fmt::format("{} microseconds", TRY(whole_number(value, schema)));
}

// Debezium writes the lowest bits first.
Result<std::string> bits(const JsonTree& value, const JsonTree& schema) {
  const std::string bytes = TRY(bytes_of(value, "Bits"));
  constexpr size_t kByteBits = 8;
  const JsonTree* parameters = schema.find("parameters");
  const std::string length = parameters == nullptr ? "" : parameters->text_of("length");
  const auto wanted = parse_bigint(length);
  const size_t count = wanted && *wanted > 0
                           ? std::min(static_cast<size_t>(*wanted), bytes.size() * kByteBits)
                           : bytes.size() * kByteBits;
  std::string text(count, '0');
  for (size_t i = 0; i < count; ++i)
    if (static_cast<uint8_t>(bytes[i / kByteBits]) >> i % kByteBits & 1U) text[count - 1 - i] = '1';
  return text;
}

Result<std::string> text_itself(const JsonTree& value, const JsonTree& /*schema*/) {
  return value.kind == JsonKind::String ? value.text : json_tree_text(value);
}

struct LogicalType {
  std::string_view name;
  Convert convert;
  std::string_view column;  // in CREATE TABLE
};
constexpr LogicalType kLogicalTypes[] = {
    {"org.apache.kafka.connect.data.Decimal", decimal, "numeric"},
    {"org.apache.kafka.connect.data.Date", days, "date"},
    {"org.apache.kafka.connect.data.Time", time<kUsPerMs, 1>, "time"},
    {"org.apache.kafka.connect.data.Timestamp", timestamp<kUsPerMs, 1>, "timestamp"},
    {"io.debezium.data.VariableScaleDecimal", decimal_with_scale, "numeric"},
    {"io.debezium.data.Bits", bits, "varbit"},
    {"io.debezium.time.Date", days, "date"},
    {"io.debezium.time.Time", time<kUsPerMs, 1>, "time"},
    {"io.debezium.time.MicroTime", time<1, 1>, "time"},
    {"io.debezium.time.NanoTime", time<1, kNsPerUs>, "time"},
    {"io.debezium.time.Timestamp", timestamp<kUsPerMs, 1>, "timestamp"},
    {"io.debezium.time.MicroTimestamp", timestamp<1, 1>, "timestamp"},
    {"io.debezium.time.NanoTimestamp", timestamp<1, kNsPerUs>, "timestamp"},
    {"io.debezium.time.MicroDuration", duration, "interval"},
    {"io.debezium.time.Interval", text_itself, "interval"},
    {"io.debezium.time.ZonedTimestamp", text_itself, "timestamptz"},
    {"io.debezium.time.ZonedTime", text_itself, "timetz"},
    {"io.debezium.data.Uuid", text_itself, "uuid"},
    {"io.debezium.data.Json", text_itself, "jsonb"},
    {"io.debezium.data.Xml", text_itself, "xml"},
};

// The column types for schemas without a name. They are those of the PostgreSQL dialect of
// Confluent's JDBC sink. Maps and structs, which that sink refuses, are jsonb.
constexpr std::pair<std::string_view, std::string_view> kColumnTypes[] = {
    {"int8", "smallint"},
    {"int16", "smallint"},
    {"int32", "integer"},
    {"int64", "bigint"},
    {"float", "real"},
    {"float32", "real"},
    {"double", "double precision"},
    {"float64", "double precision"},
    {"boolean", "boolean"},
    {"string", "text"},
    {"bytes", "bytea"},
    {"map", "jsonb"},
    {"struct", "jsonb"},
};

const LogicalType* logical_type(const JsonTree& schema) {
  const JsonTree* name = schema.find("name");
  if (name == nullptr) return nullptr;
  const auto found = std::ranges::find(kLogicalTypes, name->text, &LogicalType::name);
  return found == std::end(kLogicalTypes) ? nullptr : found;
}

// Replaces each value whose schema is a logical type (kLogicalTypes) by a JSON string with PostgreSQL's text of the
// value. This includes values within arrays, maps and structs. All other values stay as they are.
Result<JsonTree> converted(JsonTree value, const JsonTree* schema) {
  if (schema == nullptr || value.is_null()) return value;
  if (const LogicalType* type = logical_type(*schema))
    return json_text(TRY(type->convert(value, *schema)));
  const JsonTree* items = schema->find("items");
  for (JsonTree& item : value.items) item = TRY(converted(std::move(item), items));
  const JsonTree* values = schema->find("values");
  for (auto& [name, member] : value.members)
    member =
        TRY(converted(std::move(member), values != nullptr ? values : find_field(*schema, name)));
  return value;
}

void append_array(std::string& to, const JsonTree& array) {
  to += '{';
  bool is_first = true;
  for (const JsonTree& item : array.items) {
    if (!is_first) to += ',';
    is_first = false;
    if (item.is_null()) {
      to += "NULL";
    } else if (item.kind == JsonKind::Array) {
      append_array(to, item);
    } else {
      to += '"';
      for (const char c : item.kind == JsonKind::String ? item.text : json_tree_text(item)) {
        if (c == '"' || c == '\\') to += '\\';
        to += c;
      }
      to += '"';
    }
  }
  to += '}';
}

}  // namespace

Result<std::optional<std::string>> sink_value(const JsonTree& value, const JsonTree* schema) {
  if (value.is_null()) return MaybeText();
  if (schema != nullptr) {
    if (const LogicalType* type = logical_type(*schema))
      return MaybeText(TRY(type->convert(value, *schema)));
    if (type_of_schema(*schema) == "bytes") {
      std::string text = "\\x";
      append_hex(text, TRY(bytes_of(value, "bytes")), HexCase::Lower);
      return MaybeText(std::move(text));
    }
  }
  if (value.kind == JsonKind::String || value.kind == JsonKind::Number)
    return MaybeText(value.text);
  return MaybeText(json_tree_text(TRY(converted(value, schema))));
}

std::string sink_column_type(const JsonTree& value, const JsonTree* schema) {
  if (schema != nullptr) {
    if (const LogicalType* type = logical_type(*schema)) return std::string(type->column);
    const std::string_view name = type_of_schema(*schema);
    if (name == "array") {
      const std::string item = sink_column_type({}, schema->find("items"));
      return item.empty() || item == "jsonb" ? "jsonb" : item + "[]";
    }
    for (const auto& [type, column] : kColumnTypes)
      if (type == name) return std::string(column);
  }
  switch (value.kind) {
    case JsonKind::Null:
      return {};
    case JsonKind::Boolean:
      return "boolean";
    case JsonKind::Number:
      return "numeric";
    case JsonKind::String:
      return "text";
    case JsonKind::Array:
    case JsonKind::Object:
      return "jsonb";
  }
  return {};
}

Result<std::string> array_text(std::string_view json) {
  const JsonTree array = TRY(parse_json_tree(json));
  if (array.kind != JsonKind::Array)
    return Error{ErrorCode::InvalidText, fmt::format("{} is not an array", kind_name(array))};
  std::string text;
  append_array(text, array);
  return text;
}

}  // namespace engine
