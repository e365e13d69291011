// Casts between texts and booleans, numbers, bytes.
#include <cctype>
#include <cmath>

#include "engine/expr/cast_kernels.h"
#include "engine/expr/kernels.h"
#include "engine/functions/adapters.h"
#include "engine/types/numeric_alone.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

std::string_view boolean_text(bool value) { return value ? "true" : "false"; }

template <class T>
std::string whole_text(T value) {
  std::string text;
  append_bigint(text, value);
  return text;
}
std::string decimal_to_text(Decimal value) { return decimal_text(value.unscaled, value.scale); }
std::string double_text(double value) {
  std::string text;
  append_double(text, value);
  return text;
}

// Removes blanks and control characters from both ends, as Java's String.trim() does.
std::string_view trimmed(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

bool begins(std::string_view word, std::string_view text) {
  if (text.empty() || text.size() > word.size()) return false;
  for (size_t i = 0; i < text.size(); ++i)
    if (std::tolower(static_cast<unsigned char>(text[i])) != word[i]) return false;
  return true;
}
bool text_boolean(std::string_view text) {
  text = trimmed(text);
  return begins("true", text) || begins("yes", text);
}

// Parses a boolean with PostgreSQL's rules, for SELECTs over tables.
Result<bool> text_boolean_or_none(std::string_view text) {
  if (const auto value = parse_boolean_of_postgres(trimmed(text))) return *value;
  return Error{ErrorCode::InvalidText,
               "invalid input syntax for type boolean: \"" + std::string(text) + "\""};
}
std::string double_text_of_postgres(double value) {
  std::string text;
  append_double_postgres(text, value);
  return text;
}

Error bad_number(std::string_view text, std::string_view type) {
  return Error{ErrorCode::InvalidText,
               "Cannot cast \"" + std::string(text) + "\" to " + std::string(type)};
}
// Returns PostgreSQL's error, which distinguishes a number out of range from a text that is not a
// number.
Error bad_whole_number(std::string_view text, std::string_view type) {
  std::string_view digits = trimmed(text);
  if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos)
    return invalid_text(type, text);
  return Error{ErrorCode::OutOfRange, "value \"" + std::string(text.substr(0, 200)) +
                                          "\" is out of range for type " + std::string(type)};
}
Result<int32_t> text_integer(const KernelCall& call, std::string_view text) {
  const auto value = parse_integer(trimmed(text));
  if (!value && call.knows_unknown)
    return bad_whole_number(text, call.out.type().label() == label::kInt2 ? "smallint" : "integer");
  if (!value) return bad_number(text, "INTEGER");
  return *value;
}
Result<int64_t> text_bigint(const KernelCall& call, std::string_view text) {
  const auto value = parse_bigint(trimmed(text));
  if (!value && call.knows_unknown) return bad_whole_number(text, "bigint");
  if (!value) return bad_number(text, "BIGINT");
  return *value;
}
Result<double> text_double(std::string_view text) {
  const std::string_view word = trimmed(text);
  if (const auto value = parse_double(word)) return *value;
  if (word == "NaN") return std::nan("");
  if (word == "Infinity") return HUGE_VAL;
  if (word == "-Infinity") return -HUGE_VAL;
  return bad_number(text, "DOUBLE");
}
// Parses a double. PostgreSQL accepts words such as NaN in any letter case.
Result<double> text_double_of_postgres(std::string_view text) {
  std::string word(trimmed(text));
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const bool is_negative = word.starts_with('-');
  if (is_negative || word.starts_with('+')) word.erase(0, 1);
  if (word == "nan" && word.size() == trimmed(text).size()) return std::nan("");
  if (word == "inf" || word == "infinity") return is_negative ? -HUGE_VAL : HUGE_VAL;
  const Result<double> value = text_double(text);
  if (!value) return invalid_text("double precision", text);
  if (std::isinf(*value))
    return Error{ErrorCode::OutOfRange,
                 "\"" + std::string(text) + "\" is out of range for type double precision"};
  return value;
}
Result<Decimal> text_decimal(const KernelCall& call, std::string_view text) {
  const SqlType& type = call.out.type();
  const int precision = std::min(type.precision(), kMaxDecimalPrecision);
  // A number that is kept as text (label::kNumeric) must not lose digits: digits that do not fit
  // are an error. Other texts are rounded half up.
  const bool is_exact = call.args[0].type().label() == label::kNumeric;
  if (is_exact && is_numeric_alone(type))
    return Decimal{TRY(numeric_alone(trimmed(text))), type.scale()};
  const Rounding rounding = is_exact ? Rounding::Exact : Rounding::HalfUp;
  const Int128 unscaled = TRY(parse_decimal(trimmed(text), precision, type.scale(), rounding));
  return Decimal{unscaled, type.scale()};
}
// Decodes base64, or PostgreSQL's \x with hexadecimal digits, which is not valid base64.
Result<std::string> text_bytes(std::string_view text) {
  auto bytes = text.starts_with("\\x") ? decode_hex(text.substr(2)) : decode_base64(text);
  if (!bytes) return bad_number(text, "BYTES");
  return *std::move(bytes);
}

}  // namespace

// Decodes PostgreSQL's two forms: \x with hexadecimal digits, and characters with escapes
// (\\ and \001).
Result<std::string> text_bytes_of_postgres(std::string_view text) {
  if (text.starts_with("\\x")) {
    auto bytes = decode_hex(text.substr(2));
    if (!bytes) return invalid_text("bytea", text);
    return *std::move(bytes);
  }
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string bytes;
  for (size_t at = 0; at < text.size(); ++at) {
    const std::string_view rest = text.substr(at);
    if (rest.front() != '\\') {
      bytes += rest.front();
    } else if (rest.starts_with("\\\\")) {
      bytes += '\\';
      ++at;
    } else if (rest.size() > 3 && rest[1] <= '3' && is_octal(rest[1]) && is_octal(rest[2]) &&
               is_octal(rest[3])) {
      bytes += static_cast<char>((rest[1] - '0') * 64 + (rest[2] - '0') * 8 + (rest[3] - '0'));
      at += 3;
    } else {
      return invalid_text("bytea", text);
    }
  }
  return bytes;
}

void cast_boolean_to_text(KernelCall& call) { row_kernel<boolean_text>(call); }
void cast_integer_to_text(KernelCall& call) { row_kernel<whole_text<int32_t>>(call); }
void cast_bigint_to_text(KernelCall& call) { row_kernel<whole_text<int64_t>>(call); }
void cast_decimal_to_text(KernelCall& call) { row_kernel<decimal_to_text>(call); }
void cast_double_to_text(KernelCall& call) {
  if (call.knows_unknown && call.args[0].type().label() == label::kFloat4)
    return output_text_kernel(call);
  call.knows_unknown ? row_kernel<double_text_of_postgres>(call) : row_kernel<double_text>(call);
}
void cast_text_to_boolean(KernelCall& call) {
  call.knows_unknown ? row_kernel<text_boolean_or_none>(call) : row_kernel<text_boolean>(call);
}
void cast_text_to_integer(KernelCall& call) { row_kernel<text_integer>(call); }
void cast_text_to_bigint(KernelCall& call) { row_kernel<text_bigint>(call); }
void cast_text_to_decimal(KernelCall& call) { row_kernel<text_decimal>(call); }
void cast_text_to_double(KernelCall& call) {
  call.knows_unknown ? row_kernel<text_double_of_postgres>(call) : row_kernel<text_double>(call);
}
void cast_text_to_bytes(KernelCall& call) {
  call.knows_unknown ? row_kernel<text_bytes_of_postgres>(call) : row_kernel<text_bytes>(call);
}

}  // namespace engine
