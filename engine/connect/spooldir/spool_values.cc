#include "engine/connect/spooldir/spool_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/connect/spooldir/spool_schema.h"
#include "engine/connect/transforms/connect_record.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

constexpr int64_t kMsOfDay = 86'400'000;

int64_t floor_div(int64_t number, int64_t unit) {
  return number / unit - (number % unit != 0 && number < 0 ? 1 : 0);
}

std::string type_name(const JsonTree& schema) {
  const std::string name = schema.text_of("name");
  return name.starts_with("org.apache.kafka.connect.data.") ? name.substr(name.rfind('.') + 1)
                                                            : std::string(type_of_schema(schema));
}

Error not_of_type(const JsonTree& schema, std::string_view text) {
  constexpr size_t kMostShown = 100;
  return {ErrorCode::InvalidText,
          fmt::format("\"{}{}\" is not a value of type {}", text.substr(0, kMostShown),
                      text.size() > kMostShown ? "..." : "", type_name(schema))};
}

// The value of a field that the file does not have, or that is NULL there.
Result<JsonTree> absent_value(const JsonTree& schema) {
  if (!is_optional(schema))
    return Error{ErrorCode::InvalidText, "the value is missing, and the field is not optional"};
  const JsonTree* given = schema.find("default");
  return given == nullptr ? JsonTree() : *given;
}

// Returns the bytes of java.math.BigInteger.toByteArray(): two's complement, most significant byte
// first, without superfluous bytes.
std::string big_endian(Int128 number) {
  std::string bytes;
  constexpr int kBits = 8;
  constexpr Int128 kSignBit = 0x80;
  while (true) {
    bytes += static_cast<char>(static_cast<unsigned char>(number & 0xFF));
    const bool is_negative = (number & kSignBit) != 0;
    number >>= kBits;
    if (number == (is_negative ? -1 : 0)) break;
  }
  std::ranges::reverse(bytes);
  return bytes;
}

Result<JsonTree> decimal_value(const JsonTree& schema, std::string_view text) {
  constexpr int kMostDigits = 38;
  const JsonTree* parameters = schema.find("parameters");
  const auto scale = parse_integer(parameters == nullptr ? "" : parameters->text_of("scale"));
  const auto unscaled = parse_decimal(text, kMostDigits, scale.value_or(0), Rounding::Exact);
  if (!unscaled) {
    Error error = not_of_type(schema, text);
    if (unscaled.error().code == ErrorCode::OutOfRange)
      error.message += fmt::format(" with {} digits after the point", scale.value_or(0));
    return error;
  }
  std::string base64;
  append_base64(base64, big_endian(*unscaled));
  return json_text(base64);
}

// `local_ms` is the time that clocks in the zone show.
JsonTree time_value(std::string_view name, int64_t local_ms, const TimeZone& zone) {
  if (name == kTimestampSchema) return json_number(zone.to_epoch_ms(local_ms));
  const int64_t day = floor_div(local_ms, kMsOfDay);
  return json_number(name == kDateSchema ? day : local_ms - day * kMsOfDay);
}

bool is_time_name(std::string_view name) {
  return name == kTimestampSchema || name == kDateSchema || name == kTimeSchema;
}

Result<JsonTree> number_value(const JsonTree& schema, std::string_view type,
                              std::string_view text) {
  if (type.starts_with("int")) {
    const auto number = parse_bigint(text);
    const int64_t most = type == "int8"    ? INT8_MAX
                         : type == "int16" ? INT16_MAX
                         : type == "int32" ? INT32_MAX
                                           : INT64_MAX;
    if (!number || *number > most || *number < -most - 1) return not_of_type(schema, text);
    return json_number(*number);
  }
  const auto number = parse_double(text);
  if (!number || !std::isfinite(*number)) return not_of_type(schema, text);
  JsonTree value{.kind = JsonKind::Number};
  if (type == "double") {
    append_double(value.text, *number);
    return value;
  }
  const auto narrow = static_cast<float>(*number);
  if (!std::isfinite(narrow)) return not_of_type(schema, text);
  value.text = fmt::format("{}", narrow);
  if (value.text.find_first_of(".e") == std::string::npos) value.text += ".0";
  return value;
}

bool is_true_in_java(std::string_view text) {
  constexpr std::string_view kTrue = "true";
  return std::ranges::equal(text, kTrue, {},
                            [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : +c; });
}

Result<JsonTree> struct_value(const JsonTree& schema, const JsonTree& value,
                              const SpoolTimes& times) {
  JsonTree object{.kind = JsonKind::Object};
  for (const JsonTree& field : schema.find("fields")->items) {
    const std::string name = field.text_of("field");
    auto member = spool_value_of_json(field, value.find(name), times);
    if (!member)
      return Error{ErrorCode::InvalidText,
                   fmt::format("field \"{}\": {}", name, member.error().message)};
    object.members.emplace_back(name, *std::move(member));
  }
  return object;
}

}  // namespace

Result<SpoolTimes> SpoolTimes::make(const std::vector<std::string>& patterns,
                                    std::string_view zone) {
  std::vector<Pattern> compiled;
  for (const std::string& text : patterns) {
    auto pattern = TimePattern::compile_simple(text);
    if (!pattern)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("\"{}\" is not a pattern of SimpleDateFormat: {}", text,
                               pattern.error().message)};
    bool is_quoted = false, has_zone = false;
    for (const char c : text) {
      if (c == '\'') is_quoted = !is_quoted;
      has_zone = has_zone || (!is_quoted && (c == 'z' || c == 'Z' || c == 'X'));
    }
    compiled.push_back({*std::move(pattern), has_zone});
  }
  auto found = TimeZone::find(zone);
  if (!found)
    return Error{ErrorCode::InvalidParameter, fmt::format("\"{}\" is not a time zone", zone)};
  return SpoolTimes(std::move(compiled), *std::move(found));
}

std::optional<int64_t> SpoolTimes::local_ms(std::string_view text) const {
  for (const Pattern& each : patterns_)
    if (const auto ms = each.pattern.parse_lenient_date(text))
      return each.has_zone ? *ms + zone_.offset_ms(*ms) : *ms;
  return std::nullopt;
}

Result<JsonTree> spool_value_of_text(const JsonTree& schema, const std::optional<std::string>& text,
                                     const SpoolTimes& times) {
  if (!text) return absent_value(schema);
  const std::string_view type = type_of_schema(schema);
  if (type == "string") return json_text(*text);
  if (type == "bytes") return decimal_value(schema, *text);
  // Java's Boolean.parseBoolean() returns false for all other texts.
  if (type == "boolean")
    return JsonTree{.kind = JsonKind::Boolean, .boolean = is_true_in_java(*text)};
  if (const std::string name = schema.text_of("name"); is_time_name(name)) {
    const auto ms = times.local_ms(*text);
    if (!ms) return not_of_type(schema, *text);
    return time_value(name, *ms, times.zone());
  }
  return number_value(schema, type, *text);
}

Result<JsonTree> spool_value_of_json(const JsonTree& schema, const JsonTree* value,
                                     const SpoolTimes& times) {
  if (value == nullptr || value->is_null()) return absent_value(schema);
  const std::string_view type = type_of_schema(schema);
  const auto is_wrong = [&] { return not_of_type(schema, json_tree_text(*value)); };
  if (type == "struct") {
    if (value->kind != JsonKind::Object) return is_wrong();
    return struct_value(schema, *value, times);
  }
  if (type == "array") {
    if (value->kind != JsonKind::Array) return is_wrong();
    JsonTree array{.kind = JsonKind::Array};
    for (const JsonTree& item : value->items)
      array.items.push_back(TRY(spool_value_of_json(*schema.find("items"), &item, times)));
    return array;
  }
  if (type == "map") {
    if (value->kind != JsonKind::Object) return is_wrong();
    JsonTree map{.kind = JsonKind::Object};
    for (const auto& [name, member] : value->members)
      map.members.emplace_back(name,
                               TRY(spool_value_of_json(*schema.find("values"), &member, times)));
    return map;
  }
  if (value->kind == JsonKind::String) return spool_value_of_text(schema, value->text, times);
  // The connector of Kafka Connect writes null in this case, and so loses the value.
  if (type == "string") return json_text(json_tree_text(*value));
  if (type == "boolean") {
    if (value->kind != JsonKind::Boolean) return is_wrong();
    return *value;
  }
  if (value->kind != JsonKind::Number) return is_wrong();
  if (const std::string name = schema.text_of("name"); is_time_name(name)) {
    const auto ms = parse_bigint(value->text);
    if (!ms) return is_wrong();
    return time_value(name, *ms + times.zone().offset_ms(*ms), times.zone());
  }
  return spool_value_of_text(schema, value->text, times);
}

}  // namespace engine
