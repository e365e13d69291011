// Numbers: rounding, powers, trigonometry, extremes.
#include <cmath>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"

namespace engine {

namespace {

// The smallest integer stays negative, as in two's complement.
template <class T>
T magnitude(T value) {
  return value < 0 ? static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(value)) : value;
}
double magnitude_double(double value) { return std::fabs(value); }

double sqrt_double(double value) { return std::sqrt(value); }

constexpr FunctionDef kFunctions[] = {
    {.name = "ABS",
     .signature = "(INT val) -> INT",
     .doc = "The absolute value.",
     .example = "ABS(-3) = 3",
     .kernel = row_kernel<magnitude<int32_t>>},
    {.name = "ABS",
     .signature = "(BIGINT val) -> BIGINT",
     .doc = "The absolute value.",
     .example = "ABS(-3000000000) = 3000000000",
     .kernel = row_kernel<magnitude<int64_t>>},
    {.name = "ABS",
     .signature = "(DOUBLE val) -> DOUBLE",
     .doc = "The absolute value.",
     .example = "ABS(-1.5E0) = 1.5E0",
     .kernel = row_kernel<magnitude_double>},
    {.name = "sqrt",
     .signature = "(DOUBLE value) -> DOUBLE",
     .doc = "The square root; NaN for a negative number.",
     .example = "SQRT(2.25E0) = 1.5E0",
     .kernel = row_kernel<sqrt_double>},
};

}  // namespace

const FunctionFamily kNumericFunctions{"NUMERIC", kFunctions};

}  // namespace engine
