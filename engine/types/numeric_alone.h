// What columns of NUMERIC without a precision (is_numeric_alone) take of numbers that are written to them: no digit is lost
// without an error.
#pragma once
#include <string_view>

#include "base/result.h"
#include "engine/types/value.h"

namespace engine {

// The unscaled value at kScaleOfNumeric; OutOfRange where digits would be lost or the number is too large, InvalidText where
// the text is none.
Result<Int128> numeric_alone(std::string_view text);
Result<Int128> numeric_alone(Decimal number);
// By its shortest digits.
Result<Int128> numeric_alone(double number);

}  // namespace engine
