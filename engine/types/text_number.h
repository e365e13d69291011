// Conversion of numbers from and to text: exact decimals, strict whole numbers, and doubles in the
// notation of Java and PostgreSQL. Printing appends; nothing else allocates memory.
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
  HalfUp,  // to the nearest, ties away from zero
  Exact,   // losing digits is an error
};

// 10^exponent for 0 <= exponent <= 38.
Int128 power_of_ten(int exponent);
inline bool fits_precision(Int128 unscaled, int precision) {
  const Int128 limit = power_of_ten(precision);
  return unscaled < limit && unscaled > -limit;
}

// "Numeric field overflow: ...", the dialect's message; `got` is the number in plain notation.
Error numeric_overflow(int precision, int scale, std::string_view got);

// The unscaled value for DECIMAL(precision, scale) of a text such as "-12.50" or "1.25E+3".
// InvalidText if it is not a number, OutOfRange if it needs more digits than the type has.
Result<Int128> parse_decimal(std::string_view text, int precision, int scale, Rounding rounding);
// The decimal with the scale as written; an exponent is applied ("1E2" is 100, scale 0). Nothing if
// the text is not a number or has more than 38 digits.
std::optional<Decimal> parse_decimal(std::string_view text);

// The number at another scale and precision.
Result<Int128> rescale(Decimal number, int precision, int scale, Rounding rounding);
// Orders by number: 1.10 equals 1.1.
std::strong_ordering compare(Decimal a, Decimal b);

// Plain notation with exactly `scale` digits after the point: 125 at 2 is "1.25", 5 at 2 is "0.05".
void append_decimal(std::string& out, Int128 unscaled, int scale);
std::string decimal_text(Int128 unscaled, int scale);

// The nearest double.
double decimal_to_double(Int128 unscaled, int scale);
// Rounds half-up, first to `precision` digits and then to `scale` (as Java's MathContext does).
// OutOfRange for NaN, infinities and what does not fit.
Result<Int128> decimal_from_double(double value, int precision, int scale);
// The whole part, wrapped to 64 bits as Java's BigDecimal.longValue().
int64_t decimal_to_bigint(Int128 unscaled, int scale);

// ---- DOUBLE ----

// Decimal notation with an optional exponent; beyond the range it becomes an infinity or zero. No
// NaN, no Infinity, no hexadecimal.
std::optional<double> parse_double(std::string_view text);
// Also "NaN", "Infinity", "+Infinity" and "-Infinity".
std::optional<double> parse_double_or_special(std::string_view text);

// As Java's Double.toString: shortest digits that read back the same; 1.0, 0.001, 1.0E-4, 1.0E7,
// NaN, Infinity.
void append_double(std::string& out, double value);
// As PostgreSQL prints float8: 1, 0.0001, 1e-05, 1e+15, NaN, Infinity.
void append_double_postgres(std::string& out, double value);

}  // namespace engine
