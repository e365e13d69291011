// Rounds numbers to a number of decimal places, for ROUND and TRUNC.
#pragma once
#include <cstdint>

#include "base/result.h"
#include "engine/types/value.h"

namespace engine {

enum class RoundMode : uint8_t {
  HalfTowardsInfinity,  // ties are rounded up: 2.5 to 3, -2.5 to -2
  HalfAwayFromZero,     // ties are rounded away: 2.5 to 3, -2.5 to -3
  TowardsZero,
  Up,    // towards +infinity
  Down,  // towards -infinity
};

// Returns the unscaled value, at the same scale, of the number rounded to `places` digits after the
// point. Negative places are left of the point.
Int128 round_to_places(Decimal number, int places, RoundMode mode);

// Rounds the shortest decimal representation of a double.
double round_to_places(double number, int places, RoundMode mode);

}  // namespace engine
