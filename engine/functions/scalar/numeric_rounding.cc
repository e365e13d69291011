#include "engine/functions/scalar/numeric_rounding.h"

#include <cmath>
#include <string>

#include "engine/types/text_number.h"
#include "engine/types/type.h"

namespace engine {

namespace {

// Returns number / unit, rounded.
Int128 rounded_quotient(Int128 number, Int128 unit, RoundMode mode) {
  Int128 quotient = number / unit;
  Int128 rest = number % unit;
  if (rest == 0) return quotient;
  if (rest < 0) {  // makes the quotient one that is rounded down
    --quotient;
    rest += unit;
  }
  switch (mode) {
    case RoundMode::HalfTowardsInfinity:
      return rest >= unit - rest ? quotient + 1 : quotient;
    case RoundMode::HalfAwayFromZero:
      return rest > unit - rest || (rest == unit - rest && number > 0) ? quotient + 1 : quotient;
    case RoundMode::TowardsZero:
      return number < 0 ? quotient + 1 : quotient;
    case RoundMode::Up:
      return quotient + 1;
    case RoundMode::Down:
      return quotient;
  }
  return quotient;
}

}  // namespace

Int128 round_to_places(Decimal number, int places, RoundMode mode) {
  if (places >= number.scale) return number.unscaled;
  // Computed in 64 bits, because users may pass any number of places.
  const int64_t dropped = int64_t{number.scale} - places;
  if (dropped > kMaxDecimalPrecision) {
    const bool rounds_away = (mode == RoundMode::Up && number.unscaled > 0) ||
                             (mode == RoundMode::Down && number.unscaled < 0);
    return rounds_away ? number.unscaled : 0;
  }
  const Int128 unit = power_of_ten(static_cast<int>(dropped));
  return rounded_quotient(number.unscaled, unit, mode) * unit;
}

double round_to_places(double number, int places, RoundMode mode) {
  // A double beyond kLargest is a whole number, and its text may have more digits than the 38 of a
  // Decimal. So the number is returned unchanged.
  constexpr double kLargest = 1e37;
  if (!std::isfinite(number) || std::fabs(number) >= kLargest) return number;
  std::string text;
  append_double(text, number);
  const auto exact = parse_decimal(text);
  // `exact` is empty if the text has more than 38 digits. This happens only if the number is very
  // small.
  if (!exact) return places >= 0 && std::fabs(number) > 0 ? number : 0.0;
  return decimal_to_double(round_to_places(*exact, places, mode), exact->scale);
}

}  // namespace engine
