// Numeric functions that round and fail as in PostgreSQL, for SELECTs over tables.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/functions/scalar/numeric_rounding.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

// ---- ROUND, TRUNC, CEIL, FLOOR

// rounds halves to the even neighbour
double round_number(double value) { return std::nearbyint(value); }
double trunc_number(double value) { return std::trunc(value); }
double ceil_number(double value) { return std::ceil(value); }
double floor_number(double value) { return std::floor(value); }
double same_as_double(int64_t value) { return static_cast<double>(value); }
double same_as_double_of_int(int32_t value) { return value; }

template <RoundMode mode>
Result<Decimal> to_places(const KernelCall& call, Decimal value, int32_t places) {
  const SqlType& type = call.out.type();
  const Decimal rounded{round_to_places(value, places, mode), value.scale};
  const int precision = std::min(type.precision(), kMaxDecimalPrecision);
  const Int128 unscaled = TRY(rescale(rounded, precision, type.scale(), Rounding::HalfUp));
  return Decimal{unscaled, type.scale()};
}
template <RoundMode mode>
Result<Decimal> to_whole(const KernelCall& call, Decimal value) {
  return to_places<mode>(call, value, 0);
}
template <RoundMode mode>
double number_to_places(double value, int32_t places) {
  return round_to_places(value, places, mode);
}

// Returns the type of a rounded number, which may have one more digit before the decimal point.
Result<SqlType> postgres_whole_type(std::span<const SqlType> arguments) {
  const SqlType& type = arguments[0];
  return SqlType::decimal(std::min(type.precision() - type.scale() + 1, kMaxDecimalPrecision), 0);
}
Result<SqlType> wider_type(std::span<const SqlType> arguments) {
  const SqlType& type = arguments[0];
  return SqlType::decimal(std::min(type.precision() + 1, kMaxDecimalPrecision), type.scale());
}

template <class T>
Result<T> magnitude(T value) {
  if (value == std::numeric_limits<T>::min())
    return Error{ErrorCode::OutOfRange,
                 sizeof(T) == 4 ? "integer out of range" : "bigint out of range"};
  return value < 0 ? -value : value;
}
double magnitude_of_double(double value) { return std::fabs(value); }
Decimal magnitude_of_decimal(Decimal value) {
  return {value.unscaled < 0 ? -value.unscaled : value.unscaled, value.scale};
}

double sign_of_double(double value) { return value > 0 ? 1 : value < 0 ? -1 : 0; }
double sign_of_int(int32_t value) { return sign_of_double(value); }
double sign_of_bigint(int64_t value) { return sign_of_double(static_cast<double>(value)); }
Decimal sign_of_decimal(Decimal value) {
  return {value.unscaled > 0 ? 1 : value.unscaled < 0 ? -1 : 0, 0};
}
Result<SqlType> one_digit(std::span<const SqlType>) { return SqlType::decimal(1, 0); }

// ---- Powers and logarithms

Error out_of_range(bool is_overflow) {
  return {ErrorCode::OutOfRange,
          is_overflow ? "value out of range: overflow" : "value out of range: underflow"};
}

Result<double> postgres_square_root(double x) {
  if (x < 0)
    return Error{ErrorCode::InvalidParameter, "cannot take square root of a negative number"};
  return std::sqrt(x);
}
Result<double> postgres_exponential(double x) {
  const double result = std::exp(x);
  if (std::isinf(result) && !std::isinf(x)) return out_of_range(true);
  if (result == 0 && !std::isinf(x)) return out_of_range(false);
  return result;
}
Status check_logarithm(double x) {
  if (x == 0) return Error{ErrorCode::InvalidParameter, "cannot take logarithm of zero"};
  if (x < 0)
    return Error{ErrorCode::InvalidParameter, "cannot take logarithm of a negative number"};
  return {};
}
Result<double> postgres_natural_logarithm(double x) {
  TRY(check_logarithm(x));
  return std::log(x);
}
Result<double> common_logarithm(double x) {
  TRY(check_logarithm(x));
  return std::log10(x);
}
Result<double> postgres_logarithm(double base, double x) {
  TRY(check_logarithm(base));
  TRY(check_logarithm(x));
  if (base == 1) return Error{ErrorCode::DivisionByZero, "division by zero"};
  return std::log(x) / std::log(base);
}
Result<double> postgres_power(double base, double exponent) {
  if (base == 0 && exponent < 0)
    return Error{ErrorCode::InvalidParameter, "zero raised to a negative power is undefined"};
  if (base < 0 && std::isfinite(exponent) && exponent != std::floor(exponent))
    return Error{ErrorCode::InvalidParameter,
                 "a negative number raised to a non-integer power yields a complex result"};
  const double result = std::pow(base, exponent);
  const bool are_finite = std::isfinite(base) && std::isfinite(exponent);
  if (are_finite && std::isinf(result)) return out_of_range(true);
  if (are_finite && result == 0 && base != 0) return out_of_range(false);
  return result;
}

// ---- Trigonometry

Error unfit_angle() { return {ErrorCode::OutOfRange, "input is out of range"}; }

// Returns the function of an angle, which must not be infinite. NaN gives NaN.
template <double (*function)(double)>
Result<double> of_angle(double x) {
  if (std::isinf(x)) return unfit_angle();
  return function(x);
}
double postgres_sine(double x) { return std::sin(x); }
double postgres_cosine(double x) { return std::cos(x); }
double postgres_tangent(double x) { return std::tan(x); }
double postgres_cotangent(double x) { return 1.0 / std::tan(x); }

// Returns the inverse function of a number from `least` to `most`.
template <double (*function)(double), int least, int most>
Result<double> of_ratio(double x) {
  if (x < least || x > most) return unfit_angle();
  return function(x);
}
double postgres_arc_sine(double x) { return std::asin(x); }
double postgres_arc_cosine(double x) { return std::acos(x); }
double area_sine(double x) { return std::asinh(x); }
double area_cosine(double x) { return std::acosh(x); }
double area_tangent(double x) { return std::atanh(x); }
Result<double> hyperbolic_area_cosine(double x) {
  if (x < 1) return unfit_angle();
  return area_cosine(x);
}

// to_degrees() divides by this constant, as PostgreSQL does. Multiplying by 180 / pi would give
// another last digit.
constexpr double kRadiansPerPostgresDegree = 0.0174532925199432957692;
Result<double> postgres_to_degrees(double x) {
  const double degrees = x / kRadiansPerPostgresDegree;
  if (std::isinf(degrees) && !std::isinf(x)) return out_of_range(true);
  return degrees;
}

// ---- Whole numbers

template <class T>
Result<T> greatest_divisor(T a, T b) {
  // The loop computes in 128 bits, because the smallest number of a type has no positive counterpart in it.
  Int128 x = a, y = b;
  while (y != 0) std::swap(x = x % y, y);
  if (x < 0) x = -x;
  if (x != static_cast<T>(x))
    return Error{ErrorCode::OutOfRange,
                 sizeof(T) == 4 ? "integer out of range" : "bigint out of range"};
  return static_cast<T>(x);
}
template <class T>
Result<T> least_multiple(T a, T b) {
  if (a == 0 || b == 0) return T{0};
  Int128 multiple = Int128{a} / TRY(greatest_divisor(a, b)) * b;
  if (multiple < 0) multiple = -multiple;
  if (multiple != static_cast<T>(multiple))
    return Error{ErrorCode::OutOfRange,
                 sizeof(T) == 4 ? "integer out of range" : "bigint out of range"};
  return static_cast<T>(multiple);
}

Result<Decimal> factorial(int64_t number) {
  if (number < 0)
    return Error{ErrorCode::OutOfRange, "factorial of a negative number is undefined"};
  Int128 product = 1;
  for (int64_t i = 2; i <= number; ++i)
    if (__builtin_mul_overflow(product, Int128{i}, &product) ||
        !fits_precision(product, kMaxDecimalPrecision))
      return Error{ErrorCode::OutOfRange, "value overflows numeric format"};
  return Decimal{product, 0};
}
Result<SqlType> widest_whole(std::span<const SqlType>) {
  return SqlType::decimal(kMaxDecimalPrecision, 0);
}

Result<int32_t> width_bucket(double value, double low, double high, int32_t count) {
  if (count <= 0) return Error{ErrorCode::InvalidParameter, "count must be greater than zero"};
  if (std::isnan(value) || std::isnan(low) || std::isnan(high))
    return Error{ErrorCode::InvalidParameter,
                 "operand, lower bound, and upper bound cannot be NaN"};
  if (std::isinf(low) || std::isinf(high))
    return Error{ErrorCode::InvalidParameter, "lower and upper bounds must be finite"};
  if (low == high)
    return Error{ErrorCode::InvalidParameter, "lower bound cannot equal upper bound"};
  const bool is_before = low < high ? value < low : value > low;
  const bool is_behind = low < high ? value >= high : value <= high;
  if (is_before) return 0;
  if (is_behind) return count == INT32_MAX ? count : count + 1;
  return static_cast<int32_t>(
             std::min((value - low) / (high - low) * count, static_cast<double>(count) - 1)) +
         1;
}

constexpr std::string_view kPostgresRound =
    "Over tables: the nearest number. If two numbers are equally near, the number that is further "
    "from zero; for a DOUBLE the even number.";
constexpr std::string_view kMagnitude =
    "Over tables: the number without its sign; an error if the result does not fit the type.";
constexpr std::string_view kPostgresTrunc =
    "Over tables: the number without its digits after the point.";
constexpr std::string_view kPostgresCeil =
    "Over tables: the smallest whole number not below the value.";
constexpr std::string_view kPostgresFloor =
    "Over tables: the greatest whole number not above the value.";
constexpr std::string_view kLog = "Over tables: the logarithm to the base 10.";
constexpr std::string_view kAngle =
    "Over tables: the function of an angle in radians; an error for an infinite angle.";
constexpr std::string_view kRatio =
    "Over tables: the angle in radians; an error for a number beyond -1 and 1.";
constexpr std::string_view kGcd = "The greatest number that divides both.";
constexpr std::string_view kLcm = "The least number that is a multiple of both.";

constexpr auto kAway = RoundMode::HalfAwayFromZero, kTowardsZero = RoundMode::TowardsZero,
               kPostgresUp = RoundMode::Up, kPostgresDown = RoundMode::Down;

constexpr FunctionDef kPostgresNumbersDefs[] = {
    {"pg_catalog.round", "(INT val) -> DOUBLE", kPostgresRound, "ROUND(7) = 7E0",
     row_kernel<same_as_double_of_int>},
    {"pg_catalog.round", "(BIGINT val) -> DOUBLE", kPostgresRound, "ROUND(3000000000) = 3E9",
     row_kernel<same_as_double>},
    {"pg_catalog.round", "(DOUBLE val) -> DOUBLE", kPostgresRound, "ROUND(2.5E0) = 2E0",
     row_kernel<round_number>},
    {"pg_catalog.round", "(DOUBLE val, INT decimals) -> DOUBLE", kPostgresRound,
     "ROUND(1.25E0, 1) = 1.3E0", row_kernel<number_to_places<kAway>>},
    {"pg_catalog.round", "(DECIMAL val) -> DECIMAL", kPostgresRound, "ROUND(-2.5) = -3",
     row_kernel<to_whole<kAway>>, postgres_whole_type},
    {"pg_catalog.round", "(DECIMAL val, INT decimals) -> DECIMAL", kPostgresRound,
     "CAST(ROUND(-2.565, 2) AS STRING) = '-2.57'", row_kernel<to_places<kAway>>, wider_type},
    {"pg_catalog.trunc", "(INT val) -> DOUBLE", kPostgresTrunc, "TRUNC(7) = 7E0",
     row_kernel<same_as_double_of_int>},
    {"pg_catalog.trunc", "(BIGINT val) -> DOUBLE", kPostgresTrunc, "TRUNC(3000000000) = 3E9",
     row_kernel<same_as_double>},
    {"pg_catalog.trunc", "(DOUBLE val) -> DOUBLE", kPostgresTrunc, "TRUNC(-2.5E0) = -2E0",
     row_kernel<trunc_number>},
    {"pg_catalog.trunc", "(DOUBLE val, INT decimals) -> DOUBLE", kPostgresTrunc,
     "TRUNC(1.29E0, 1) = 1.2E0", row_kernel<number_to_places<kTowardsZero>>},
    {"pg_catalog.trunc", "(DECIMAL val) -> DECIMAL", kPostgresTrunc, "TRUNC(-2.9) = -2",
     row_kernel<to_whole<kTowardsZero>>, postgres_whole_type},
    {"pg_catalog.trunc", "(DECIMAL val, INT decimals) -> DECIMAL", kPostgresTrunc,
     "CAST(TRUNC(2.987, 2) AS STRING) = '2.98'", row_kernel<to_places<kTowardsZero>>, wider_type},
    {"pg_catalog.ceil", "(INT val) -> DOUBLE", kPostgresCeil, "CEIL(7) = 7E0",
     row_kernel<same_as_double_of_int>},
    {"pg_catalog.ceil", "(BIGINT val) -> DOUBLE", kPostgresCeil, "CEIL(3000000000) = 3E9",
     row_kernel<same_as_double>},
    {"pg_catalog.ceil", "(DOUBLE val) -> DOUBLE", kPostgresCeil, "CEIL(-1.5E0) = -1E0",
     row_kernel<ceil_number>},
    {"pg_catalog.ceil", "(DECIMAL val) -> DECIMAL", kPostgresCeil,
     "CAST(CEIL(2.1) AS STRING) = '3'", row_kernel<to_whole<kPostgresUp>>, postgres_whole_type},
    {"ceiling", "(DOUBLE val) -> DOUBLE", "The smallest whole number not below the value.",
     "CEILING(-1.5E0) = -1E0", row_kernel<ceil_number>},
    {"ceiling", "(DECIMAL val) -> DECIMAL", "The smallest whole number not below the value.",
     "CAST(CEILING(2.1) AS STRING) = '3'", row_kernel<to_whole<kPostgresUp>>, postgres_whole_type},
    {"pg_catalog.floor", "(INT val) -> DOUBLE", kPostgresFloor, "FLOOR(7) = 7E0",
     row_kernel<same_as_double_of_int>},
    {"pg_catalog.floor", "(BIGINT val) -> DOUBLE", kPostgresFloor, "FLOOR(3000000000) = 3E9",
     row_kernel<same_as_double>},
    {"pg_catalog.floor", "(DOUBLE val) -> DOUBLE", kPostgresFloor, "FLOOR(-1.5E0) = -2E0",
     row_kernel<floor_number>},
    {"pg_catalog.floor", "(DECIMAL val) -> DECIMAL", kPostgresFloor,
     "CAST(FLOOR(-2.1) AS STRING) = '-3'", row_kernel<to_whole<kPostgresDown>>,
     postgres_whole_type},
    {"pg_catalog.abs", "(INT val) -> INT", kMagnitude, "ABS(-3) = 3",
     row_kernel<magnitude<int32_t>>},
    {"pg_catalog.abs", "(BIGINT val) -> BIGINT", kMagnitude, "ABS(-3000000000) = 3000000000",
     row_kernel<magnitude<int64_t>>},
    {"pg_catalog.abs", "(DOUBLE val) -> DOUBLE", kMagnitude, "ABS(-1.5E0) = 1.5E0",
     row_kernel<magnitude_of_double>},
    {"pg_catalog.abs", "(DECIMAL val) -> DECIMAL", kMagnitude, "ABS(-1.50) = 1.50",
     row_kernel<magnitude_of_decimal>},
    {"pg_catalog.sign", "(DOUBLE val) -> DOUBLE",
     "Over tables: -1 for a negative value, 0 for zero, 1 for a positive value.",
     "SIGN(-1.5E0) = -1E0", row_kernel<sign_of_double>},
    {"pg_catalog.sign", "(DECIMAL val) -> DECIMAL",
     "Over tables: -1 for a negative value, 0 for zero, 1 for a positive value.", "SIGN(-1.5) = -1",
     row_kernel<sign_of_decimal>, one_digit},
    {"pg_catalog.sign", "(INT val) -> DOUBLE",
     "Over tables: -1 for a negative value, 0 for zero, 1 for a positive value.", "SIGN(-7) = -1E0",
     row_kernel<sign_of_int>},
    {"pg_catalog.sign", "(BIGINT val) -> DOUBLE",
     "Over tables: -1 for a negative value, 0 for zero, 1 for a positive value.",
     "SIGN(-3000000000) = -1E0", row_kernel<sign_of_bigint>},

    {"pg_catalog.sqrt", "(DOUBLE val) -> DOUBLE",
     "Over tables: the square root; an error for a negative number.", "SQRT(2.25E0) = 1.5E0",
     row_kernel<postgres_square_root>},
    {"pg_catalog.exp", "(DOUBLE exponent) -> DOUBLE",
     "Over tables: Euler's number to the power of the value; an error if the result is too large.",
     "EXP(0) = 1E0", row_kernel<postgres_exponential>},
    {"pg_catalog.ln", "(DOUBLE val) -> DOUBLE",
     "Over tables: the natural logarithm; an error if it does not exist.", "LN(1) = 0E0",
     row_kernel<postgres_natural_logarithm>},
    {"pg_catalog.log", "(DOUBLE val) -> DOUBLE", kLog, "LOG(100) = 2E0",
     row_kernel<common_logarithm>},
    {"log10", "(DOUBLE val) -> DOUBLE", "The logarithm to the base 10.", "LOG10(100) = 2E0",
     row_kernel<common_logarithm>},
    {"pg_catalog.log", "(DOUBLE base, DOUBLE val) -> DOUBLE",
     "Over tables: the logarithm to a base; an error if it does not exist.",
     "ROUND(LOG(2, 8), 9) = 3E0", row_kernel<postgres_logarithm>},
    {"pg_catalog.power", "(DOUBLE base, DOUBLE exponent) -> DOUBLE",
     "Over tables: the base to the power of the exponent; an error if the result is too large, or "
     "is not a number.",
     "POWER(2, 10) = 1024E0", row_kernel<postgres_power>},
    {"pow", "(DOUBLE base, DOUBLE exponent) -> DOUBLE",
     "The base to the power of the exponent, as in PostgreSQL.", "POW(2, 10) = 1024E0",
     row_kernel<postgres_power>},

    {"pg_catalog.sin", "(DOUBLE val) -> DOUBLE", kAngle, "SIN(0) = 0E0",
     row_kernel<of_angle<postgres_sine>>},
    {"pg_catalog.cos", "(DOUBLE val) -> DOUBLE", kAngle, "COS(0) = 1E0",
     row_kernel<of_angle<postgres_cosine>>},
    {"pg_catalog.tan", "(DOUBLE val) -> DOUBLE", kAngle, "TAN(0) = 0E0",
     row_kernel<of_angle<postgres_tangent>>},
    {"pg_catalog.cot", "(DOUBLE val) -> DOUBLE", kAngle, "ROUND(COT(PI() / 4), 9) = 1E0",
     row_kernel<of_angle<postgres_cotangent>>},
    {"pg_catalog.asin", "(DOUBLE val) -> DOUBLE", kRatio, "ASIN(0) = 0E0",
     row_kernel<of_ratio<postgres_arc_sine, -1, 1>>},
    {"pg_catalog.acos", "(DOUBLE val) -> DOUBLE", kRatio, "ACOS(1) = 0E0",
     row_kernel<of_ratio<postgres_arc_cosine, -1, 1>>},
    {"asinh", "(DOUBLE val) -> DOUBLE", "The inverse of SINH.", "ASINH(0) = 0E0",
     row_kernel<area_sine>},
    {"acosh", "(DOUBLE val) -> DOUBLE", "The inverse of COSH; an error below 1.", "ACOSH(1) = 0E0",
     row_kernel<hyperbolic_area_cosine>},
    {"atanh", "(DOUBLE val) -> DOUBLE", "The inverse of TANH; an error beyond -1 and 1.",
     "ATANH(0) = 0E0", row_kernel<of_ratio<area_tangent, -1, 1>>},
    {"pg_catalog.degrees", "(DOUBLE val) -> DOUBLE",
     "Over tables: converts radians to degrees; an error if the result is too large.",
     "ROUND(DEGREES(PI())) = 180", row_kernel<postgres_to_degrees>},

    {"gcd", "(INT a, INT b) -> INT", kGcd, "GCD(12, 18) = 6",
     row_kernel<greatest_divisor<int32_t>>},
    {"gcd", "(BIGINT a, BIGINT b) -> BIGINT", kGcd, "GCD(3000000000, 9) = 3",
     row_kernel<greatest_divisor<int64_t>>},
    {"lcm", "(INT a, INT b) -> INT", kLcm, "LCM(4, 6) = 12", row_kernel<least_multiple<int32_t>>},
    {"lcm", "(BIGINT a, BIGINT b) -> BIGINT", kLcm, "LCM(3000000000, 9) = 9000000000",
     row_kernel<least_multiple<int64_t>>},
    {"factorial", "(BIGINT number) -> DECIMAL",
     "The product of all whole numbers from 1 to this number.", "FACTORIAL(5) = 120",
     row_kernel<factorial>, widest_whole},
    {"width_bucket", "(DOUBLE value, DOUBLE low, DOUBLE high, INT count) -> INT",
     "The number of the bucket of the value, if a range is divided into n buckets of equal width; "
     "0 below the range, n + 1 above it.",
     "WIDTH_BUCKET(5.35, 0.024, 10.06, 5) = 3", row_kernel<width_bucket>},
};

}  // namespace

const FunctionFamily kPostgresNumbers{"POSTGRESQL OVER TABLES", kPostgresNumbersDefs};

}  // namespace engine
