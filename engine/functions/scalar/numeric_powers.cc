// Powers, logarithms and trigonometry of doubles, as in IEEE 754 and Java.
#include <cmath>
#include <limits>
#include <numbers>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"

namespace engine {

namespace {

double square_root(double x) { return std::sqrt(x); }
double cube_root(double x) { return std::cbrt(x); }
double exponential(double x) { return std::exp(x); }
// LOG with one argument uses the natural logarithm, too, although ksqlDB documents the base 10 for
// it.
double natural_logarithm(double x) { return std::log(x); }
double logarithm(double base, double x) {
  if (base <= 0 || base == 1) return std::numeric_limits<double>::quiet_NaN();
  return std::log(x) / std::log(base);
}
// Computes a power as Java does, which differs from C if the exponent is NaN, or if it is infinite
// and the base is 1 or -1.
double power(double base, double exponent) {
  const bool is_nan = std::isnan(exponent) || (std::fabs(base) == 1 && std::isinf(exponent));
  return is_nan ? std::numeric_limits<double>::quiet_NaN() : std::pow(base, exponent);
}
double pi() { return std::numbers::pi; }
double to_degrees(double x) { return x * 57.29577951308232; }
double to_radians(double x) { return x * 0.017453292519943295; }
double sine(double x) { return std::sin(x); }
double cosine(double x) { return std::cos(x); }
double tangent(double x) { return std::tan(x); }
double cotangent(double x) { return 1.0 / std::tan(x); }
double arc_sine(double x) { return std::asin(x); }
double arc_cosine(double x) { return std::acos(x); }
double arc_tangent(double x) { return std::atan(x); }
double arc_tangent_of(double y, double x) { return std::atan2(y, x); }
double hyperbolic_sine(double x) { return std::sinh(x); }
double hyperbolic_cosine(double x) { return std::cosh(x); }
double hyperbolic_tangent(double x) { return std::tanh(x); }

constexpr FunctionDef kPowerDefs[] = {
    {"SQRT", "(DOUBLE val) -> DOUBLE", "The square root; NaN of a negative number.",
     "SQRT(2.25E0) = 1.5E0", row_kernel<square_root>},
    {"CBRT", "(DOUBLE val) -> DOUBLE", "The cube root.", "CBRT(-8) = -2E0", row_kernel<cube_root>},
    {"EXP", "(DOUBLE exponent) -> DOUBLE", "Euler's number to the power of the value.",
     "EXP(0) = 1E0", row_kernel<exponential>},
    {"LN", "(DOUBLE val) -> DOUBLE", "The natural logarithm.", "LN(1) = 0E0",
     row_kernel<natural_logarithm>},
    {"LOG", "(DOUBLE val) -> DOUBLE", "The natural logarithm.", "LOG(1) = 0E0",
     row_kernel<natural_logarithm>},
    {"LOG", "(DOUBLE base, DOUBLE val) -> DOUBLE", "The logarithm to a base.",
     "ROUND(LOG(2, 8), 9) = 3E0", row_kernel<logarithm>},
    {"POWER", "(DOUBLE base, DOUBLE exponent) -> DOUBLE", "The base to the power of the exponent.",
     "POWER(2, 10) = 1024E0", row_kernel<power>},
    {"PI", "() -> DOUBLE", "The ratio of a circle's circumference to its diameter.",
     "PI() = 3.141592653589793E0", row_kernel<pi>},
    {"DEGREES", "(DOUBLE val) -> DOUBLE", "Converts radians to degrees.",
     "ROUND(DEGREES(PI())) = 180", row_kernel<to_degrees>},
    {"RADIANS", "(DOUBLE val) -> DOUBLE", "Converts degrees to radians.",
     "ROUND(RADIANS(180), 9) = ROUND(PI(), 9)", row_kernel<to_radians>},
    {"SIN", "(DOUBLE val) -> DOUBLE", "The sine of an angle in radians.", "SIN(0) = 0E0",
     row_kernel<sine>},
    {"COS", "(DOUBLE val) -> DOUBLE", "The cosine of an angle in radians.", "COS(0) = 1E0",
     row_kernel<cosine>},
    {"TAN", "(DOUBLE val) -> DOUBLE", "The tangent of an angle in radians.", "TAN(0) = 0E0",
     row_kernel<tangent>},
    {"COT", "(DOUBLE val) -> DOUBLE", "The cotangent of an angle in radians.",
     "ROUND(COT(PI() / 4), 9) = 1E0", row_kernel<cotangent>},
    {"ASIN", "(DOUBLE val) -> DOUBLE", "The arc sine, in radians.", "ASIN(0) = 0E0",
     row_kernel<arc_sine>},
    {"ACOS", "(DOUBLE val) -> DOUBLE", "The arc cosine, in radians.", "ACOS(1) = 0E0",
     row_kernel<arc_cosine>},
    {"ATAN", "(DOUBLE val) -> DOUBLE", "The arc tangent, in radians.", "ATAN(0) = 0E0",
     row_kernel<arc_tangent>},
    {"ATAN2", "(DOUBLE y, DOUBLE x) -> DOUBLE", "The angle of a point, in radians.",
     "ATAN2(0, 1) = 0E0", row_kernel<arc_tangent_of>},
    {"SINH", "(DOUBLE val) -> DOUBLE", "The hyperbolic sine.", "SINH(0) = 0E0",
     row_kernel<hyperbolic_sine>},
    {"COSH", "(DOUBLE val) -> DOUBLE", "The hyperbolic cosine.", "COSH(0) = 1E0",
     row_kernel<hyperbolic_cosine>},
    {"TANH", "(DOUBLE val) -> DOUBLE", "The hyperbolic tangent.", "TANH(0) = 0E0",
     row_kernel<hyperbolic_tangent>},
};

}  // namespace

const FunctionFamily kPowerFunctions{"MATHEMATICAL", kPowerDefs};

}  // namespace engine
