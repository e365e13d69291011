// Converts numbers from and to text: exact decimals, strict whole numbers, and doubles in the
// notations of Java and PostgreSQL. The functions for printing append to a string.
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/types/value.h"

namespace engine {

// ---- Whole numbers ----

// Parses an optional sign and digits only. Returns nothing for other texts, or if the number does
// not fit.
std::optional<int32_t> parse_integer(std::string_view text);
std::optional<int64_t> parse_bigint(std::string_view text);
void append_bigint(std::string& out, int64_t value);

// ---- DECIMAL ----

enum class Rounding : uint8_t {
  HalfUp,  // to the nearest number, ties away from zero
  Exact,   // a value that would lose digits is an error
};

// Returns 10^exponent for 0 <= exponent <= 38.
Int128 power_of_ten(int exponent);
inline bool fits_precision(Int128 unscaled, int precision) {
  const Int128 limit = power_of_ten(precision);
  return unscaled < limit && unscaled > -limit;
}

// Returns the dialect's message "Numeric field overflow: ..."; `got` is the number in plain
// notation.
Error numeric_overflow(int precision, int scale, std::string_view got);

// Returns the unscaled value for DECIMAL(precision, scale) of a text such as "-12.50" or "1.25E+3".
// Fails with InvalidText if the text is not a number, and with OutOfRange if the number needs more
// digits than the type has.
Result<Int128> parse_decimal(std::string_view text, int precision, int scale, Rounding rounding);
// Returns the decimal with the scale as written; an exponent is applied ("1E2" is 100 with scale
// 0). Returns nothing if the text is not a number or has more than 38 digits.
std::optional<Decimal> parse_decimal(std::string_view text);

// Returns the unscaled value of the number at another scale and precision.
Result<Int128> rescale(Decimal number, int precision, int scale, Rounding rounding);
// Compares the numbers: 1.10 equals 1.1.
std::strong_ordering compare(Decimal a, Decimal b);

// Prints in plain notation with exactly `scale` digits after the point: with a scale of 2, 125 is
// "1.25" and 5 is "0.05".
void append_decimal(std::string& out, Int128 unscaled, int scale);
std::string decimal_text(Int128 unscaled, int scale);

// Returns the nearest double.
double decimal_to_double(Int128 unscaled, int scale);
// Rounds half-up, first to `precision` digits, as Java's MathContext does, and then to `scale`.
// Fails with OutOfRange for NaN, infinities and numbers that do not fit.
Result<Int128> decimal_from_double(double value, int precision, int scale);
// Returns the whole part, wrapped to 64 bits as Java's BigDecimal.longValue() does.
int64_t decimal_to_bigint(Int128 unscaled, int scale);

// ---- DOUBLE ----

// Parses decimal notation with an optional exponent. A number beyond the range becomes an infinity
// or zero. Returns nothing for NaN, Infinity and hexadecimal.
std::optional<double> parse_double(std::string_view text);
// Also parses "NaN", "Infinity", "+Infinity" and "-Infinity".
std::optional<double> parse_double_or_special(std::string_view text);

// Prints as Java's Double.toString does, with the shortest digits that are read back as the same
// number: 1.0, 0.001, 1.0E-4, 1.0E7, NaN, Infinity.
void append_double(std::string& out, double value);
// Prints as PostgreSQL prints float8: 1, 0.0001, 1e-05, 1e+15, NaN, Infinity.
void append_double_postgres(std::string& out, double value);

}  // namespace engine
