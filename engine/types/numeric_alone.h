// Converts numbers for NUMERIC columns without a precision (is_numeric_alone()). It is an error if
// a digit would be lost.
#pragma once
#include <string_view>

#include "base/result.h"
#include "engine/types/value.h"

namespace engine {

// Returns the unscaled value at kScaleOfNumeric. Fails with OutOfRange if digits would be lost or the number is too
// large, and with InvalidText if the text is not a number.
Result<Int128> numeric_alone(std::string_view text);
Result<Int128> numeric_alone(Decimal number);
// Converts the shortest digits that represent the double.
Result<Int128> numeric_alone(double number);

}  // namespace engine
