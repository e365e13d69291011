#include "engine/connect/transforms/cast_value.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "engine/java/java_time.h"
#include "engine/types/ascii.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

struct CastName {
  std::string_view spec, schema;
};
constexpr CastName kCastNames[] = {
    {"int8", "int8"},     {"int16", "int16"},    {"int32", "int32"},     {"int64", "int64"},
    {"float32", "float"}, {"float64", "double"}, {"boolean", "boolean"}, {"string", "string"}};

// Java converts a double to the nearest long, and NaN to 0.
int64_t whole_of(double number) {
  if (std::isnan(number)) return 0;
  if (number >= 9223372036854775808.0) return INT64_MAX;
  if (number <= -9223372036854775808.0) return INT64_MIN;
  return static_cast<int64_t>(number);
}

int32_t small_whole_of(double number) {
  const int64_t whole = whole_of(number);
  if (whole > INT32_MAX) return INT32_MAX;
  return whole < INT32_MIN ? INT32_MIN : static_cast<int32_t>(whole);
}

// A number in the form in which Java has it after parsing the JSON: a long or a double.
struct JavaNumber {
  std::optional<int64_t> whole;
  double real = 0;
  int64_t as_long() const { return whole ? *whole : whole_of(real); }
  // Converts like Java's intValue(): a long to its low bits, and a double to the nearest int.
  int32_t as_int() const { return whole ? static_cast<int32_t>(*whole) : small_whole_of(real); }
};

JavaNumber java_number(std::string_view text) {
  if (const auto whole = parse_bigint(text)) return {whole, static_cast<double>(*whole)};
  return {std::nullopt, parse_double(text).value_or(0)};
}

Result<JsonTree> real_tree(double number, CastType type) {
  std::string text;
  if (type == CastType::Float32) {
    // The result has the shortest digits that identify the float; the double with the same value
    // would have more digits.
    const auto narrow = static_cast<float>(number);
    number =
        parse_double(fmt::format("{}", narrow)).value_or(std::numeric_limits<double>::infinity());
  }
  if (!std::isfinite(number))
    return Error{ErrorCode::OutOfRange, "the number is infinite or not a number, as JSON has none"};
  append_double(text, number);
  return JsonTree{.kind = JsonKind::Number, .text = std::move(text)};
}

JsonTree boolean_tree(bool value) { return {.kind = JsonKind::Boolean, .boolean = value}; }

Error out_of_range(const std::string& text, CastType type) {
  return {ErrorCode::InvalidText, fmt::format("\"{}\" is out of range for the type {}", text,
                                              kCastNames[static_cast<size_t>(type)].spec)};
}

Result<JsonTree> cast_text(const std::string& text, CastType type) {
  const auto whole = [&](int64_t least, int64_t most) -> Result<JsonTree> {
    const auto number = parse_bigint(text);
    if (!number || *number < least || *number > most) return out_of_range(text, type);
    return json_number(*number);
  };
  switch (type) {
    case CastType::Int8:
      return whole(INT8_MIN, INT8_MAX);
    case CastType::Int16:
      return whole(INT16_MIN, INT16_MAX);
    case CastType::Int32:
      return whole(INT32_MIN, INT32_MAX);
    case CastType::Int64:
      return whole(INT64_MIN, INT64_MAX);
    case CastType::Float32:
    case CastType::Float64: {
      const auto number = parse_double(text);
      if (!number) return out_of_range(text, type);
      return real_tree(*number, type);
    }
    case CastType::Boolean:
      return boolean_tree(lower_case(text) == "true");
    case CastType::String:
      break;
  }
  return json_text(text);
}

Result<JsonTree> cast_number(const JavaNumber& number, CastType type) {
  switch (type) {
    case CastType::Int8:
      return json_number(static_cast<int8_t>(number.as_int()));
    case CastType::Int16:
      return json_number(static_cast<int16_t>(number.as_int()));
    case CastType::Int32:
      return json_number(number.as_int());
    case CastType::Int64:
      return json_number(number.as_long());
    case CastType::Float32:
    case CastType::Float64:
      return real_tree(number.real, type);
    case CastType::Boolean:
      return boolean_tree(number.as_long() != 0);
    case CastType::String:
      break;
  }
  std::string text;
  if (number.whole)
    append_bigint(text, *number.whole);
  else
    append_double(text, number.real);
  return json_text(text);
}

// A Date, Time or Timestamp becomes a text of ISO 8601 in UTC.
Result<JsonTree> time_text(int64_t number, std::string_view schema_name) {
  constexpr int64_t kMsOfDay = 86'400'000;
  const bool is_date = schema_name == kDateSchema;
  const int64_t ms = is_date ? number * kMsOfDay : number;
  const char* const pattern = ms >= 0 && ms < kMsOfDay && !is_date ? "HH:mm:ss.SSS'Z'"
                              : ms % kMsOfDay == 0                 ? "yyyy-MM-dd"
                                                                   : "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'";
  const TimePattern compiled = TRY(TimePattern::compile(pattern));
  return json_text(TRY(compiled.format_timestamp(ms, TimeZone::utc())));
}

}  // namespace

std::optional<CastType> cast_type_of(std::string_view name) {
  const std::string lower = lower_case(name);
  for (size_t i = 0; i < std::size(kCastNames); ++i)
    if (kCastNames[i].spec == lower) return static_cast<CastType>(i);
  return std::nullopt;
}

std::string_view schema_type_of(CastType type) {
  return kCastNames[static_cast<size_t>(type)].schema;
}

Result<JsonTree> cast_value(const JsonTree& value, const JsonTree* schema, CastType type) {
  const std::string_view declared = schema == nullptr ? "" : type_of_schema(*schema);
  switch (value.kind) {
    case JsonKind::Null:
      return JsonTree();
    case JsonKind::Boolean:
      if (type == CastType::String) return json_text(value.boolean ? "true" : "false");
      if (type == CastType::Boolean) return JsonTree(value);
      return cast_number({int64_t{value.boolean}, value.boolean ? 1.0 : 0.0}, type);
    case JsonKind::Number: {
      JavaNumber number = java_number(value.text);
      if (declared == "float" || declared == "double") number.whole.reset();
      const std::string name = schema == nullptr ? std::string() : schema->text_of("name");
      if (type == CastType::String && number.whole &&
          (name == kTimestampSchema || name == kDateSchema || name == kTimeSchema))
        return time_text(*number.whole, name);
      return cast_number(number, type);
    }
    case JsonKind::String:
      // Bytes appear in JSON as base64 text, and only this text can be cast.
      if (declared == "bytes" && type != CastType::String)
        return Error{ErrorCode::InvalidText, "bytes can only be cast to string"};
      return cast_text(value.text, type);
    case JsonKind::Array:
    case JsonKind::Object:
      break;
  }
  return Error{ErrorCode::InvalidText, fmt::format("{} cannot be cast", kind_name(value))};
}

}  // namespace engine
