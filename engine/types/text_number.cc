#include "engine/types/text_number.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace engine {

namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

template <class T>
std::optional<T> parse_whole(std::string_view text) {
  // from_chars does not accept a plus sign, and "+-1" must be refused.
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (text.empty() || !is_digit(text.front())) return std::nullopt;
  }
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

constexpr std::array<Int128, kMaxDecimalPrecision + 1> kPowersOfTen = [] {
  std::array<Int128, kMaxDecimalPrecision + 1> powers{};
  powers[0] = 1;
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

// A number as written. Its significant digits are `digits` without the point and without leading
// zeros. Its value is the number of these digits, times 10^exponent.
struct WrittenNumber {
  bool negative = false;
  std::string_view digits;  // may contain one point
  int64_t digit_count = 0;
  int64_t exponent = 0;
};

// Larger exponents are treated like this one. No supported number has an exponent of this size.
constexpr int64_t kExponentLimit = 1'000'000'000;

std::optional<int64_t> scan_exponent(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return std::nullopt;
  int64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = std::min(value * 10 + (c - '0'), kExponentLimit);
  }
  return negative ? -value : value;
}

std::optional<WrittenNumber> scan_number(std::string_view text) {
  WrittenNumber number;
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    number.negative = text.front() == '-';
    text.remove_prefix(1);
  }
  size_t at = 0, seen = 0;
  bool point = false, significant = false;
  size_t first = 0;
  int64_t fraction = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.') {
      if (point) return std::nullopt;
      point = true;
      continue;
    }
    if (!is_digit(c)) break;
    ++seen;
    if (point) ++fraction;
    if (!significant && c != '0') {
      significant = true;
      first = at;
    }
    if (significant) ++number.digit_count;
  }
  if (seen == 0) return std::nullopt;
  if (significant) number.digits = text.substr(first, at - first);
  int64_t exponent = 0;
  if (at < text.size()) {
    if (text[at] != 'e' && text[at] != 'E') return std::nullopt;
    const auto scanned = scan_exponent(text.substr(at + 1));
    if (!scanned) return std::nullopt;
    exponent = *scanned;
  }
  number.exponent = exponent - fraction;
  return number;
}

enum class Fit : uint8_t { Fits, Overflows, Inexact };

struct Unscaled {
  Fit fit = Fit::Fits;
  Int128 value = 0;
};

// Returns number * 10^scale as a whole number of at most `precision` digits.
Unscaled to_unscaled(const WrittenNumber& number, int precision, int scale, Rounding rounding) {
  if (number.digit_count == 0) return {};
  const int64_t shift = number.exponent + scale;
  // number of digits that remain
  const int64_t kept = number.digit_count + std::min<int64_t>(shift, 0);
  if (number.digit_count + shift > precision) return {Fit::Overflows, 0};
  Int128 value = 0;
  int64_t index = 0;
  int next_digit = 0;
  bool lost = kept < 0;  // the first digit is below the rounding digit
  for (const char c : number.digits) {
    if (c == '.') continue;
    const int digit = c - '0';
    if (index < kept)
      value = value * 10 + digit;
    else {
      if (index == kept) next_digit = digit;
      if (digit != 0) lost = true;
    }
    ++index;
  }
  if (shift > 0) value *= kPowersOfTen[static_cast<size_t>(shift)];
  if (lost && rounding == Rounding::Exact) return {Fit::Inexact, 0};
  if (next_digit >= 5) ++value;
  if (!fits_precision(value, precision)) return {Fit::Overflows, 0};
  return {Fit::Fits, number.negative ? -value : value};
}

Error inexact(int precision, int scale, std::string_view got) {
  return {ErrorCode::OutOfRange, "Rounding necessary: " + std::string(got) +
                                     " has more digits than DECIMAL(" + std::to_string(precision) +
                                     ", " + std::to_string(scale) + ") holds"};
}

Result<Int128> fitted(const WrittenNumber& number, int precision, int scale, Rounding rounding,
                      std::string_view text) {
  const Unscaled result = to_unscaled(number, precision, scale, rounding);
  if (result.fit == Fit::Overflows) return numeric_overflow(precision, scale, text);
  if (result.fit == Fit::Inexact) return inexact(precision, scale, text);
  return result.value;
}

// Prints the decimal digits of a 128-bit number in chunks of 64 bits; returns the begin of the
// digits.
char* print_digits(unsigned __int128 value, char* end) {
  // 10^19, the largest power of ten in 64 bits
  constexpr uint64_t kChunk = 10'000'000'000'000'000'000u;
  while (value > UINT64_MAX) {
    auto low = static_cast<uint64_t>(value % kChunk);
    value /= kChunk;
    for (int i = 0; i < 19; ++i, low /= 10) *--end = static_cast<char>('0' + low % 10);
  }
  auto high = static_cast<uint64_t>(value);
  do *--end = static_cast<char>('0' + high % 10);
  while ((high /= 10) != 0);
  return end;
}

// The shortest digits and the exponent of a finite number other than zero: d1.d2d3... *
// 10^exponent.
struct ShortestDigits {
  char digits[24];
  int count = 0;
  int exponent = 0;
};

ShortestDigits shortest(double value) {
  char text[40];
  auto end =
      std::to_chars(text, text + sizeof text, std::fabs(value), std::chars_format::scientific).ptr;
  // If one digit identifies the number, but two digits are nearer, Java prints two: 4.9E-324, not
  // 5.0E-324. This happens only for the smallest numbers, where doubles are sparse.
  if (text[1] == 'e' && std::fabs(value) < 2.3e-308)
    end =
        std::to_chars(text, text + sizeof text, std::fabs(value), std::chars_format::scientific, 1)
            .ptr;
  ShortestDigits result;
  const char* at = text;
  for (; *at != 'e'; ++at)
    if (*at != '.') result.digits[result.count++] = *at;
  while (result.count > 1 && result.digits[result.count - 1] == '0') --result.count;
  ++at;
  if (*at == '+') ++at;
  std::from_chars(at, end, result.exponent);
  return result;
}

bool append_special(std::string& out, double value) {
  if (std::isfinite(value)) return false;
  if (std::isnan(value))
    out += "NaN";
  else
    out += value < 0 ? "-Infinity" : "Infinity";
  return true;
}

// Prints d1d2d3... with the point after `exponent` + 1 digits, padded with zeros.
void append_fixed(std::string& out, const ShortestDigits& number, bool always_fraction) {
  const auto count = static_cast<size_t>(number.count);
  if (number.exponent < 0) {
    out += "0.";
    out.append(static_cast<size_t>(-number.exponent - 1), '0');
    out.append(number.digits, count);
    return;
  }
  const size_t whole = static_cast<size_t>(number.exponent) + 1;
  out.append(number.digits, std::min(whole, count));
  if (whole > count) out.append(whole - count, '0');
  if (count > whole) {
    out += '.';
    out.append(number.digits + whole, count - whole);
  } else if (always_fraction) {
    out += ".0";
  }
}

}  // namespace

std::optional<int32_t> parse_integer(std::string_view text) { return parse_whole<int32_t>(text); }
std::optional<int64_t> parse_bigint(std::string_view text) { return parse_whole<int64_t>(text); }

void append_bigint(std::string& out, int64_t value) {
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out.append(text, static_cast<size_t>(end - text));
}

Int128 power_of_ten(int exponent) {
  assert(exponent >= 0 && exponent <= kMaxDecimalPrecision);
  return kPowersOfTen[static_cast<size_t>(exponent)];
}

Error numeric_overflow(int precision, int scale, std::string_view got) {
  return {ErrorCode::OutOfRange,
          "Numeric field overflow: A field with precision " + std::to_string(precision) +
              " and scale " + std::to_string(scale) +
              " must round to an absolute value less than 10^" + std::to_string(precision - scale) +
              ". Got " + std::string(got.substr(0, 100))};
}

Result<Int128> parse_decimal(std::string_view text, int precision, int scale, Rounding rounding) {
  const auto number = scan_number(text);
  if (!number)
    return Error{ErrorCode::InvalidText,
                 "not a decimal number: \"" + std::string(text.substr(0, 100)) + "\""};
  return fitted(*number, precision, scale, rounding, text);
}

std::optional<Decimal> parse_decimal(std::string_view text) {
  const auto number = scan_number(text);
  if (!number || number->exponent < -kMaxDecimalPrecision) return std::nullopt;
  const int scale = static_cast<int>(std::max<int64_t>(-number->exponent, 0));
  const Unscaled unscaled = to_unscaled(*number, kMaxDecimalPrecision, scale, Rounding::Exact);
  if (unscaled.fit != Fit::Fits) return std::nullopt;
  return Decimal{unscaled.value, scale};
}

Result<Int128> rescale(Decimal number, int precision, int scale, Rounding rounding) {
  const int shift = scale - number.scale;
  Int128 value = number.unscaled;
  if (shift > 0 && value != 0) {
    if (shift > kMaxDecimalPrecision || !fits_precision(value, kMaxDecimalPrecision - shift))
      return numeric_overflow(precision, scale, decimal_text(number.unscaled, number.scale));
    value *= power_of_ten(shift);
  } else if (shift < 0) {
    if (-shift > kMaxDecimalPrecision) {  // less than half of the last place
      if (value != 0 && rounding == Rounding::Exact)
        return inexact(precision, scale, decimal_text(number.unscaled, number.scale));
      return Int128{0};
    }
    const Int128 divisor = power_of_ten(-shift);
    const Int128 rest = value % divisor;
    value /= divisor;
    if (rest != 0 && rounding == Rounding::Exact)
      return inexact(precision, scale, decimal_text(number.unscaled, number.scale));
    const Int128 size = rest < 0 ? -rest : rest;
    if (size >= divisor - size) value += rest < 0 ? -1 : 1;
  }
  if (!fits_precision(value, precision))
    return numeric_overflow(precision, scale, decimal_text(number.unscaled, number.scale));
  return value;
}

std::strong_ordering compare(Decimal a, Decimal b) {
  if (a.scale > b.scale) return 0 <=> compare(b, a);
  const int shift = b.scale - a.scale;
  // First compares a with b's whole part at a's scale, then the remaining digits of b with zero.
  // This order avoids overflows.
  Int128 whole = 0, rest = b.unscaled;
  if (shift <= kMaxDecimalPrecision) {
    whole = b.unscaled / power_of_ten(shift);
    rest = b.unscaled % power_of_ten(shift);
  }
  if (a.unscaled != whole)
    return a.unscaled < whole ? std::strong_ordering::less : std::strong_ordering::greater;
  if (rest == 0) return std::strong_ordering::equal;
  return rest > 0 ? std::strong_ordering::less : std::strong_ordering::greater;
}

void append_decimal(std::string& out, Int128 unscaled, int scale) {
  char text[48];
  char* const end = text + sizeof text;
  const bool negative = unscaled < 0;
  auto size = static_cast<unsigned __int128>(unscaled);
  if (negative) size = -size;
  char* begin = print_digits(size, end);
  if (negative) out += '-';
  if (scale <= 0) {
    out.append(begin, static_cast<size_t>(end - begin));
    if (unscaled != 0) out.append(static_cast<size_t>(-scale), '0');
    return;
  }
  const auto digits = static_cast<size_t>(end - begin), places = static_cast<size_t>(scale);
  if (digits <= places) {
    out += "0.";
    out.append(places - digits, '0');
    out.append(begin, digits);
  } else {
    out.append(begin, digits - places);
    out += '.';
    out.append(end - places, places);
  }
}

std::string decimal_text(Int128 unscaled, int scale) {
  std::string text;
  append_decimal(text, unscaled, scale);
  return text;
}

double decimal_to_double(Int128 unscaled, int scale) {
  constexpr int64_t kExactInteger = int64_t{1} << 53;  // a double holds all whole numbers up to it
  constexpr int kExactPower = 22;  // 10^22 is the largest power of ten that a double holds exactly
  static constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  // One division of two exact numbers is correctly rounded.
  if (unscaled <= kExactInteger && unscaled >= -kExactInteger && scale >= 0 && scale <= kExactPower)
    return static_cast<double>(static_cast<int64_t>(unscaled)) / kPowers[scale];
  char text[100];
  std::string digits = decimal_text(unscaled, 0);
  assert(digits.size() + 8 < sizeof text);
  std::memcpy(text, digits.data(), digits.size());
  text[digits.size()] = 'e';
  const auto end = std::to_chars(text + digits.size() + 1, text + sizeof text, -scale).ptr;
  double value = 0;
  std::from_chars(text, end, value);
  return value;
}

Result<Int128> decimal_from_double(double value, int precision, int scale) {
  std::string shown;
  append_double(shown, value);
  if (!std::isfinite(value)) return numeric_overflow(precision, scale, shown);
  if (value == 0) return Int128{0};
  // The exact decimal expansion may be longer, but 60 digits distinguish a tie from its neighbours.
  char text[96];
  const auto end =
      std::to_chars(text, text + sizeof text, value, std::chars_format::scientific, 60).ptr;
  auto number = scan_number({text, static_cast<size_t>(end - text)});
  assert(number && number->digit_count > 0);
  // As Java does, rounds first to `precision` significant digits.
  const auto leading = number->digit_count + number->exponent;  // digits before the point
  const int64_t first_scale = precision - leading;
  number->exponent += first_scale;
  const Unscaled significant = to_unscaled(*number, kMaxDecimalPrecision, 0, Rounding::HalfUp);
  if (significant.fit != Fit::Fits) return numeric_overflow(precision, scale, shown);
  // Then rounds the result to `scale`, if it has more digits.
  const int64_t shift = scale - first_scale;
  if (shift > 0) {
    if (shift > kMaxDecimalPrecision ||
        !fits_precision(significant.value, std::max<int>(precision - static_cast<int>(shift), 0)))
      return numeric_overflow(precision, scale, shown);
    return significant.value * power_of_ten(static_cast<int>(shift));
  }
  if (-shift > kMaxDecimalPrecision) return Int128{0};
  auto result =
      rescale(Decimal{significant.value, static_cast<int>(-shift)}, precision, 0, Rounding::HalfUp);
  if (!result) return numeric_overflow(precision, scale, shown);
  return result;
}

int64_t decimal_to_bigint(Int128 unscaled, int scale) {
  return static_cast<int64_t>(unscaled / power_of_ten(scale));
}

std::optional<double> parse_double(std::string_view text) {
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text.front() == '-') return std::nullopt;
  }
  const std::string_view unsigned_text =
      !text.empty() && text.front() == '-' ? text.substr(1) : text;
  // from_chars() would accept "inf" and "nan".
  if (unsigned_text.empty() || (!is_digit(unsigned_text[0]) && unsigned_text[0] != '.'))
    return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc{}) return value;
  if (error != std::errc::result_out_of_range) return std::nullopt;
  return std::strtod(std::string(text).c_str(), nullptr);  // distinguishes overflow from underflow
}

std::optional<double> parse_double_or_special(std::string_view text) {
  if (text == "NaN") return std::nan("");
  if (text == "Infinity" || text == "+Infinity") return HUGE_VAL;
  if (text == "-Infinity") return -HUGE_VAL;
  return parse_double(text);
}

void append_double(std::string& out, double value) {
  if (append_special(out, value)) return;
  if (std::signbit(value)) out += '-';
  if (value == 0) {
    out += "0.0";
    return;
  }
  const ShortestDigits number = shortest(value);
  if (number.exponent >= -3 && number.exponent < 7) {
    append_fixed(out, number, true);
    return;
  }
  out += number.digits[0];
  out += '.';
  if (number.count > 1)
    out.append(number.digits + 1, static_cast<size_t>(number.count) - 1);
  else
    out += '0';
  out += 'E';
  append_bigint(out, number.exponent);
}

void append_double_postgres(std::string& out, double value) {
  if (append_special(out, value)) return;
  if (std::signbit(value)) out += '-';
  if (value == 0) {
    out += '0';
    return;
  }
  const ShortestDigits number = shortest(value);
  if (number.exponent >= -4 && number.exponent < 15) {
    append_fixed(out, number, false);
    return;
  }
  out += number.digits[0];
  if (number.count > 1) {
    out += '.';
    out.append(number.digits + 1, static_cast<size_t>(number.count) - 1);
  }
  out += number.exponent < 0 ? "e-" : "e+";
  const int size = std::abs(number.exponent);
  if (size < 10) out += '0';
  append_bigint(out, size);
}

}  // namespace engine
