#include "engine/testing/observed.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <cmath>

#include "base/bytes.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_json.h"
#include "engine/types/text_number.h"

namespace engine {
namespace {

constexpr double kTolerance = 1e-6;

Observed observed_text(std::string text) {
  return Observed{.kind = ObservedKind::Text, .text = std::move(text)};
}

Observed observed_double(double number, std::string spelling) {
  return Observed{.kind = ObservedKind::Double, .number = number, .text = std::move(spelling)};
}

Observed from_json_number(const std::string& spelling, NumberReading numbers) {
  int64_t integer = 0;
  if (absl::SimpleAtoi(spelling, &integer))
    return Observed{.kind = ObservedKind::Integer, .integer = integer, .text = spelling};
  const std::optional<SpelledDecimal> decimal = read_decimal(spelling);
  const bool is_whole = spelling.find_first_of(".eE") == spelling.npos;
  if (decimal && (is_whole || numbers == NumberReading::Exact))
    return Observed{.kind = ObservedKind::Decimal, .decimal = *decimal, .text = spelling};
  double number = 0;
  (void)absl::SimpleAtod(spelling, &number);
  return observed_double(number, spelling);
}

Observed from_json(const CaseJson& node, NumberReading numbers) {
  Observed observed;
  switch (node.kind) {
    case CaseJsonKind::Null:
      break;
    case CaseJsonKind::Boolean:
      observed.kind = ObservedKind::Boolean;
      observed.boolean = node.boolean;
      break;
    case CaseJsonKind::Number:
      return from_json_number(node.text, numbers);
    case CaseJsonKind::String:
      return observed_text(node.text);
    case CaseJsonKind::Array:
      observed.kind = ObservedKind::List;
      for (const CaseJson& item : node.items) observed.items.push_back(from_json(item, numbers));
      break;
    case CaseJsonKind::Object:
      observed.kind = ObservedKind::Object;
      for (const auto& [name, value] : node.members)
        observed.fields.emplace_back(name, from_json(value, numbers));
      break;
  }
  return observed;
}

Result<Observed> from_kafka(const std::string& bytes, std::span<const ColumnDef> columns) {
  const TypeKind kind = columns.empty() ? TypeKind::String : columns[0].type.kind();
  const size_t size = kind == TypeKind::Integer                              ? 4
                      : kind == TypeKind::Bigint || kind == TypeKind::Double ? 8
                                                                             : bytes.size();
  if (bytes.size() != size)
    return Error{ErrorCode::InvalidText,
                 fmt::format("{} bytes for a {}", bytes.size(), std::string(kind_name(kind)))};
  if (kind == TypeKind::Integer || kind == TypeKind::Bigint) {
    const int64_t integer =
        kind == TypeKind::Integer ? load_be<int32_t>(bytes.data()) : load_be<int64_t>(bytes.data());
    return Observed{
        .kind = ObservedKind::Integer, .integer = integer, .text = std::to_string(integer)};
  }
  if (kind == TypeKind::Double) {
    const double number = std::bit_cast<double>(load_be<int64_t>(bytes.data()));
    return observed_double(number, fmt::format("{}", number));
  }
  if (kind == TypeKind::Bytes) return Observed{.kind = ObservedKind::Bytes, .text = bytes};
  return observed_text(bytes);
}

std::string at(const std::string& path, std::string message) {
  return path.empty() ? message : path + ": " + message;
}

std::string expected_got(const CaseJson& expected, const Observed& actual) {
  return "expected " + case_json_text(expected) + ", got " + to_text(actual);
}

// Returns the value of a decimal if it is a whole number that 64 bits can hold.
std::optional<int64_t> whole_number(const SpelledDecimal& decimal) {
  if (decimal.digits.empty()) return 0;
  std::string text = decimal.digits;
  if (decimal.scale <= 0)
    text.append(static_cast<size_t>(std::min<int64_t>(-decimal.scale, 30)), '0');
  else if (static_cast<size_t>(decimal.scale) >= text.size())
    return 0;
  else
    text.resize(text.size() - static_cast<size_t>(decimal.scale));
  int64_t number = 0;
  if (!absl::SimpleAtoi((decimal.is_negative ? "-" : "") + text, &number)) return std::nullopt;
  return number;
}

bool number_matches(const std::string& expected, const Observed& actual) {
  const std::optional<SpelledDecimal> decimal = read_decimal(expected);
  if (!decimal) return false;
  switch (actual.kind) {
    case ObservedKind::Integer:
      return whole_number(*decimal) == actual.integer;
    case ObservedKind::Double: {
      double number = 0;
      return absl::SimpleAtod(expected, &number) && std::abs(number - actual.number) < kTolerance;
    }
    case ObservedKind::Decimal: {
      const bool is_integer_literal = expected.find_first_of(".eE") == expected.npos;
      if (!is_integer_literal) return *decimal == actual.decimal;
      return actual.decimal.scale <= 0 && whole_number(actual.decimal) == whole_number(*decimal);
    }
    default:
      return false;
  }
}

bool text_matches(const std::string& expected, const Observed& actual) {
  switch (actual.kind) {
    case ObservedKind::Text:
      return actual.text == expected;
    case ObservedKind::Decimal:
      return read_decimal(expected) == actual.decimal;
    case ObservedKind::Bytes: {
      std::string base64;
      append_base64(base64, actual.text);
      // Cases contain bytes in base64, except bytes without an enclosing record.
      return base64 == expected || actual.text == expected;
    }
    default:
      return false;
  }
}

const Observed* find_field(const Observed& object, std::string_view name) {
  for (const auto& [field, value] : object.fields)
    if (field == name) return &value;
  return nullptr;
}

std::string compare(const CaseJson& expected, const Observed& actual, const std::string& path);

std::string compare_objects(const CaseJson& expected, const Observed& actual,
                            const std::string& path) {
  if (actual.kind != ObservedKind::Object || actual.fields.size() != expected.members.size())
    return at(path, expected_got(expected, actual));
  static const Observed kMissing;
  for (const auto& [name, value] : expected.members) {
    const Observed* field = find_field(actual, name);
    if (!field || field->kind == ObservedKind::Null) {
      const Observed* upper = find_field(actual, absl::AsciiStrToUpper(name));
      if (upper) field = upper;
    }
    std::string difference =
        compare(value, field ? *field : kMissing, path.empty() ? name : path + "." + name);
    if (!difference.empty()) return difference;
  }
  return "";
}

std::string compare_lists(const CaseJson& expected, const Observed& actual,
                          const std::string& path) {
  if (actual.kind != ObservedKind::List || actual.items.size() != expected.items.size())
    return at(path, expected_got(expected, actual));
  for (size_t i = 0; i < expected.items.size(); ++i) {
    std::string difference =
        compare(expected.items[i], actual.items[i], fmt::format("{}[{}]", path, i));
    if (!difference.empty()) return difference;
  }
  return "";
}

std::string compare(const CaseJson& expected, const Observed& actual, const std::string& path) {
  bool is_same = false;
  switch (expected.kind) {
    case CaseJsonKind::Object:
      return compare_objects(expected, actual, path);
    case CaseJsonKind::Array:
      return compare_lists(expected, actual, path);
    case CaseJsonKind::Null:
      is_same = actual.kind == ObservedKind::Null;
      break;
    case CaseJsonKind::Boolean:
      is_same = actual.kind == ObservedKind::Boolean && actual.boolean == expected.boolean;
      break;
    case CaseJsonKind::Number:
      is_same = number_matches(expected.text, actual);
      break;
    case CaseJsonKind::String:
      is_same = text_matches(expected.text, actual);
      break;
  }
  return is_same ? "" : at(path, expected_got(expected, actual));
}

void append_text(std::string& out, const Observed& observed) {
  switch (observed.kind) {
    case ObservedKind::Null:
      out += "null";
      break;
    case ObservedKind::Boolean:
      out += observed.boolean ? "true" : "false";
      break;
    case ObservedKind::Integer:
    case ObservedKind::Double:
    case ObservedKind::Decimal:
      out += observed.text;
      break;
    case ObservedKind::Text:
      append_json_string(out, observed.text);
      break;
    case ObservedKind::Bytes:
      out += "0x";
      append_hex(out, observed.text, HexCase::Lower);
      break;
    case ObservedKind::List:
      out += '[';
      for (const Observed& item : observed.items) {
        if (out.back() != '[') out += ',';
        append_text(out, item);
      }
      out += ']';
      break;
    case ObservedKind::Object:
      out += '{';
      for (const auto& [name, value] : observed.fields) {
        if (out.back() != '{') out += ',';
        append_json_string(out, name);
        out += ':';
        append_text(out, value);
      }
      out += '}';
      break;
  }
}

}  // namespace

std::optional<SpelledDecimal> read_decimal(std::string_view text) {
  SpelledDecimal read;
  size_t at = 0;
  if (at < text.size() && (text[at] == '-' || text[at] == '+'))
    read.is_negative = text[at++] == '-';
  bool has_digit = false, has_point = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && !has_point) {
      has_point = true;
    } else if (absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      has_digit = true;
      if (has_point) ++read.scale;
      if (c != '0' || !read.digits.empty()) read.digits += c;
    } else {
      break;
    }
  }
  if (!has_digit) return std::nullopt;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    int32_t exponent = 0;
    if (!absl::SimpleAtoi(std::string(text.substr(at + 1)), &exponent)) return std::nullopt;
    read.scale -= exponent;
    at = text.size();
  }
  if (at != text.size()) return std::nullopt;
  if (read.digits.empty()) read.is_negative = false;
  return read;
}

Result<Observed> read_observed(const std::optional<std::string>& bytes, const FormatSpec& format,
                               std::span<const ColumnDef> columns, NumberReading numbers) {
  if (!bytes || format.name == "NONE") return Observed{};
  if (format.name == "JSON") return from_json(TRY(parse_case_json(*bytes)), numbers);
  if (format.name == "DELIMITED") return observed_text(*bytes);
  if (format.name == "KAFKA") return from_kafka(*bytes, columns);
  return Error{ErrorCode::NotSupported,
               fmt::format("reading {} is not supported yet", format.name)};
}

std::string mismatch(const CaseJson& expected, const Observed& actual) {
  const auto is_empty_bytes = [](const Observed& observed) {
    return observed.kind == ObservedKind::Bytes && observed.text.empty();
  };
  if (is_empty_bytes(actual)) return compare(expected, Observed{}, "");
  if (actual.kind != ObservedKind::Object) return compare(expected, actual, "");
  Observed record = actual;
  for (auto& [name, field] : record.fields)
    if (is_empty_bytes(field)) field = {};
  return compare(expected, record, "");
}

std::string to_text(const Observed& observed) {
  constexpr size_t kLongest = 500;
  std::string text;
  append_text(text, observed);
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

}  // namespace engine
