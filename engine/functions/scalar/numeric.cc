// Functions on numbers: rounding, signs, extremes and series.
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/functions/scalar/numeric_rounding.h"
#include "engine/java/utf16.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

// ---- ABS, SIGN ----

template <class T>
constexpr std::string_view kOutOfRange = sizeof(T) == 4 ? "integer out of range"
                                                        : "bigint out of range";

// Returns the absolute value. Without checked ranges, the smallest integer remains negative, as in two's complement.
template <class T>
Result<T> magnitude(const KernelCall& call, T value) {
  if (value == std::numeric_limits<T>::min() && call.fails_out_of_range())
    return Error{ErrorCode::OutOfRange, std::string(kOutOfRange<T>)};
  return value < 0 ? static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(value)) : value;
}
double magnitude_double(double value) { return std::fabs(value); }
Decimal magnitude_decimal(Decimal value) {
  return {value.unscaled < 0 ? -value.unscaled : value.unscaled, value.scale};
}
int32_t sign(double value) { return value > 0 ? 1 : value < 0 ? -1 : 0; }

// ---- CEIL, FLOOR, ROUND, TRUNC ----

template <class T>
T same(T value) {
  return value;
}
template <class T>
int64_t as_bigint(T value) {
  return value;
}
double ceil_double(double value) { return std::ceil(value); }
double floor_double(double value) { return std::floor(value); }

// Narrows a double as Java does: a value out of range becomes the nearest limit, NaN becomes 0.
int64_t saturated(double value) {
  if (std::isnan(value)) return 0;
  if (value >= 0x1p63) return std::numeric_limits<int64_t>::max();
  if (value <= -0x1p63) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}
// Narrows a whole double. With checked ranges, a value out of range is an error.
Result<int64_t> narrowed(const KernelCall& call, double whole) {
  if (call.fails_out_of_range() && !(whole >= -0x1p63 && whole < 0x1p63))
    return Error{ErrorCode::OutOfRange, std::string(kOutOfRange<int64_t>)};
  return saturated(whole);
}
Result<int64_t> round_double(const KernelCall& call, double value) {
  return narrowed(call, std::floor(value + 0.5));
}
Result<int64_t> trunc_double(const KernelCall& call, double value) {
  return narrowed(call, std::trunc(value));
}

template <RoundMode mode>
double double_to_places(double value, int32_t places) {
  return round_to_places(value, places, mode);
}

Result<Decimal> checked(Int128 unscaled, const SqlType& type) {
  const int precision = std::min(type.precision(), kMaxDecimalPrecision);
  if (!fits_precision(unscaled, precision))
    return numeric_overflow(precision, type.scale(), decimal_text(unscaled, type.scale()));
  return Decimal{unscaled, type.scale()};
}
// Rounds to a whole number. The result keeps the scale.
template <RoundMode mode>
Result<Decimal> decimal_to_whole(const KernelCall& call, Decimal value) {
  return checked(round_to_places(value, 0, mode), call.out.type());
}
// Rounds to a whole number. The result has the scale 0.
template <RoundMode mode>
Result<Decimal> decimal_to_whole_type(const KernelCall& call, Decimal value) {
  return checked(round_to_places(value, 0, mode) / power_of_ten(value.scale), call.out.type());
}
template <RoundMode mode>
Result<Decimal> decimal_to_places(const KernelCall& call, Decimal value, int32_t places) {
  return checked(round_to_places(value, places, mode), call.out.type());
}
Result<SqlType> whole_type(std::span<const SqlType> arguments) {
  const SqlType& type = arguments[0];
  return SqlType::decimal(std::max(1, type.precision() - type.scale()), 0);
}
Result<SqlType> first_type(std::span<const SqlType> arguments) { return arguments[0]; }

// ---- GREATEST, LEAST ----

struct NumberLess {
  template <class T>
  static bool less(T a, T b) {
    return a < b;
  }
  // The registry has coerced all arguments to one scale.
  static bool less(Decimal a, Decimal b) { return a.unscaled < b.unscaled; }
};
struct TextLess {
  static bool less(std::string_view a, std::string_view b) { return compare_utf16(a, b) < 0; }
};
struct BytesLess {
  static bool less(std::string_view a, std::string_view b) {
    return compare_signed_bytes(a, b) < 0;
  }
};
enum class Extreme : uint8_t { Greatest, Least };

template <class T, class Order, Extreme extreme>
std::optional<T> pick(std::optional<T> first, Variadic<T> others) {
  std::optional<T> best = first;
  for (size_t i = 0; i < others.size(); ++i) {
    const std::optional<T> other = others[i];
    if (!other) continue;
    const bool is_better = !best || (extreme == Extreme::Greatest ? Order::less(*best, *other)
                                                                  : Order::less(*other, *best));
    if (is_better) best = other;
  }
  return best;
}
template <class T, class Order = NumberLess>
constexpr Kernel kGreatest = row_kernel<pick<T, Order, Extreme::Greatest>>;
template <class T, class Order = NumberLess>
constexpr Kernel kLeast = row_kernel<pick<T, Order, Extreme::Least>>;

// ---- GENERATE_SERIES ----

// The largest number of items of GENERATE_SERIES. A longer series is probably a mistake, and could
// exhaust the memory.
constexpr uint64_t kMaxSeriesItems = 1'000'000;

// Returns the number of items, or an error.
Result<uint64_t> series_items(int64_t start, int64_t end, int64_t step) {
  if (step == 0) return Error{ErrorCode::InvalidParameter, "GENERATE_SERIES step cannot be zero"};
  const bool is_down = end < start;
  if (end != start && is_down != (step < 0))
    return Error{ErrorCode::InvalidParameter, "GENERATE_SERIES step has wrong sign"};
  const auto from = static_cast<uint64_t>(start), to = static_cast<uint64_t>(end);
  const uint64_t distance = is_down ? from - to : to - from;
  const uint64_t width = step < 0 ? 0 - static_cast<uint64_t>(step) : static_cast<uint64_t>(step);
  if (distance / width >= kMaxSeriesItems)
    return Error{ErrorCode::LimitExceeded, "GENERATE_SERIES gives more than 1000000 items"};
  return distance / width + 1;
}

template <class T>
void generate_series(KernelCall& call) {
  const ArgumentReader<T> starts(call.args[0]), ends(call.args[1]);
  std::optional<ArgumentReader<int32_t>> steps;
  if (call.args.size() > 2) steps.emplace(call.args[2]);
  for (size_t row = 0; row < call.rows; ++row) {
    if (starts.is_null(row) || ends.is_null(row) || (steps && steps->is_null(row))) {
      call.out.append_null();
      continue;
    }
    const int64_t start = starts[row], end = ends[row];
    const int64_t step = steps ? (*steps)[row] : end > start ? 1 : -1;
    Result<uint64_t> items = series_items(start, end, step);
    if (items && !call.context.take_bytes(*items * sizeof(T)))
      items = call.context.too_large(*items * sizeof(T));
    if (!items) {
      call.errors.add(row, items.error());
      call.out.append_null();
      continue;
    }
    Column& series = call.out.child(0);
    const size_t first = series.size();
    series.resize(first + *items);
    const std::span<T> values = series.data<T>().subspan(first);
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<T>(start + static_cast<int64_t>(i) * step);
      series.validity().set(first + i);
    }
    call.out.close_list();
  }
}

// ---- GEO_DISTANCE ----

bool is_unit(std::string_view unit, std::initializer_list<std::string_view> spellings) {
  return std::ranges::any_of(spellings, [&](std::string_view spelling) {
    return std::ranges::equal(unit, spelling, {}, [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
  });
}

Result<double> earth_radius(std::string_view unit) {
  const bool is_blank = unit.find_first_not_of(" \t\r\n") == std::string_view::npos;
  if (is_blank || is_unit(unit, {"km", "kilometer", "kilometers", "kilometre", "kilometres"}))
    return 6371.0;
  if (is_unit(unit, {"mi", "mile", "miles"})) return 3959.0;
  return Error{ErrorCode::InvalidParameter,
               "GEO_DISTANCE function units parameter must be one of [kilometers, kilometres, km, "
               "miles, mi]: " +
                   std::string(unit)};
}

constexpr double kRadiansPerDegree = 0.017453292519943295;

double haversine(double angle) {
  const double half = std::sin(angle / 2);
  return half * half;
}

Result<double> geo_distance(double lat1, double lon1, double lat2, double lon2,
                            std::optional<std::string_view> unit) {
  if (!(std::fabs(lat1) <= 90) || !(std::fabs(lat2) <= 90) || !(std::fabs(lon1) <= 180) ||
      !(std::fabs(lon2) <= 180))
    return Error{ErrorCode::OutOfRange,
                 "valid latitude values for GEO_DISTANCE function are in the range of -90 to 90 "
                 "and valid longitude values are in the range of -180 to 180"};
  const double radius = TRY(earth_radius(unit.value_or("")));
  const double chord = haversine((lat2 - lat1) * kRadiansPerDegree) +
                       haversine((lon2 - lon1) * kRadiansPerDegree) *
                           std::cos(lat1 * kRadiansPerDegree) * std::cos(lat2 * kRadiansPerDegree);
  return radius * 2 * std::asin(std::sqrt(chord));
}
Result<double> geo_distance_km(double lat1, double lon1, double lat2, double lon2) {
  return geo_distance(lat1, lon1, lat2, lon2, std::nullopt);
}

double random_number(const KernelCall& call) { return call.context.random.next_double(); }

constexpr std::string_view kAbs = "The absolute value.";
constexpr std::string_view kCeil = "The smallest whole number not below the value.";
constexpr std::string_view kFloor = "The greatest whole number not above the value.";
constexpr std::string_view kRound = "The nearest number; ties go up.";
constexpr std::string_view kTrunc = "The value without its digits after the point.";
constexpr std::string_view kGreatestDoc = "The greatest value that is not null.";
constexpr std::string_view kLeastDoc = "The least value that is not null.";
constexpr std::string_view kSeries = "All values from the first to the second, by steps.";
constexpr std::string_view kGeo =
    "The distance between two points on the Earth, in kilometres or in the given unit.";

constexpr auto kUp = RoundMode::Up, kDown = RoundMode::Down, kZero = RoundMode::TowardsZero,
               kHalf = RoundMode::HalfTowardsInfinity;

constexpr FunctionDef kNumericDefs[] = {
    {"ABS", "(INT val) -> INT", kAbs, "ABS(-3) = 3", row_kernel<magnitude<int32_t>>},
    {"ABS", "(BIGINT val) -> BIGINT", kAbs, "ABS(-3000000000) = 3000000000",
     row_kernel<magnitude<int64_t>>},
    {"ABS", "(DOUBLE val) -> DOUBLE", kAbs, "ABS(-1.5E0) = 1.5E0", row_kernel<magnitude_double>},
    {"ABS", "(DECIMAL val) -> DECIMAL", kAbs, "ABS(-1.50) = 1.50", row_kernel<magnitude_decimal>},

    {"CEIL", "(INT val) -> INT", kCeil, "CEIL(7) = 7", row_kernel<same<int32_t>>},
    {"CEIL", "(BIGINT val) -> BIGINT", kCeil, "CEIL(3000000000) = 3000000000",
     row_kernel<same<int64_t>>},
    {"CEIL", "(DOUBLE val) -> DOUBLE", kCeil, "CEIL(-1.5E0) = -1E0", row_kernel<ceil_double>},
    {"CEIL", "(DECIMAL val) -> DECIMAL", kCeil, "CAST(CEIL(1.20) AS STRING) = '2.00'",
     row_kernel<decimal_to_whole<kUp>>},

    {"FLOOR", "(INT val) -> INT", kFloor, "FLOOR(7) = 7", row_kernel<same<int32_t>>},
    {"FLOOR", "(BIGINT val) -> BIGINT", kFloor, "FLOOR(3000000000) = 3000000000",
     row_kernel<same<int64_t>>},
    {"FLOOR", "(DOUBLE val) -> DOUBLE", kFloor, "FLOOR(-1.5E0) = -2E0", row_kernel<floor_double>},
    {"FLOOR", "(DECIMAL val) -> DECIMAL", kFloor, "CAST(FLOOR(-1.20) AS STRING) = '-2.00'",
     row_kernel<decimal_to_whole<kDown>>},

    {"ROUND", "(INT val!) -> BIGINT", kRound, "ROUND(7) = 7", row_kernel<as_bigint<int32_t>>},
    {"ROUND", "(BIGINT val!) -> BIGINT", kRound, "ROUND(3000000000) = 3000000000",
     row_kernel<same<int64_t>>},
    {"ROUND", "(DOUBLE val) -> BIGINT", kRound, "ROUND(-1.5E0) = -1", row_kernel<round_double>},
    {"ROUND", "(DOUBLE val, INT decimals) -> DOUBLE", kRound, "ROUND(1.25E0, 1) = 1.3E0",
     row_kernel<double_to_places<kHalf>>},
    {"ROUND", "(DECIMAL val) -> DECIMAL", kRound, "CAST(ROUND(1.50) AS STRING) = '2'",
     row_kernel<decimal_to_whole_type<kHalf>>, whole_type},
    {"ROUND", "(DECIMAL val, INT decimals) -> DECIMAL", kRound,
     "CAST(ROUND(12.345, 1) AS STRING) = '12.300'", row_kernel<decimal_to_places<kHalf>>,
     first_type},

    {"TRUNC", "(INT val) -> BIGINT", kTrunc, "TRUNC(7) = 7", row_kernel<as_bigint<int32_t>>},
    {"TRUNC", "(BIGINT val) -> BIGINT", kTrunc, "TRUNC(3000000000) = 3000000000",
     row_kernel<same<int64_t>>},
    {"TRUNC", "(DOUBLE val) -> BIGINT", kTrunc, "TRUNC(-1.7E0) = -1", row_kernel<trunc_double>},
    {"TRUNC", "(DOUBLE val, INT decimals) -> DOUBLE", kTrunc, "TRUNC(1.29E0, 1) = 1.2E0",
     row_kernel<double_to_places<kZero>>},
    {"TRUNC", "(DECIMAL val) -> DECIMAL", kTrunc, "CAST(TRUNC(-1.70) AS STRING) = '-1'",
     row_kernel<decimal_to_whole_type<kZero>>, whole_type},
    {"TRUNC", "(DECIMAL val, INT decimals) -> DECIMAL", kTrunc,
     "CAST(TRUNC(12.345, 2) AS STRING) = '12.340'", row_kernel<decimal_to_places<kZero>>,
     first_type},

    {"SIGN", "(DOUBLE val) -> INT", "-1 for a negative value, 0 for zero, 1 for a positive value.",
     "SIGN(-1.5E0) = -1", row_kernel<sign>},

    {"greatest", "(INT val, INT... vals) -> INT", kGreatestDoc, "GREATEST(1, 3, NULL) = 3",
     kGreatest<int32_t>},
    {"greatest", "(BIGINT val, BIGINT... vals) -> BIGINT", kGreatestDoc,
     "GREATEST(3000000000, 4000000000) = 4000000000", kGreatest<int64_t>},
    {"greatest", "(DOUBLE val, DOUBLE... vals) -> DOUBLE", kGreatestDoc,
     "GREATEST(1E0, 3.5E0) = 3.5E0", kGreatest<double>},
    {"greatest", "(STRING val, STRING... vals) -> STRING", kGreatestDoc,
     "GREATEST('apple', 'pear') = 'pear'", kGreatest<std::string_view, TextLess>},
    {"greatest", "(BYTES val, BYTES... vals) -> BYTES", kGreatestDoc,
     "GREATEST(CAST('AA==' AS BYTES), CAST('AQ==' AS BYTES)) = CAST('AQ==' AS BYTES)",
     kGreatest<std::string_view, BytesLess>},
    {"greatest", "(DECIMAL val, DECIMAL... vals) -> DECIMAL", kGreatestDoc,
     "GREATEST(1.5, 1.25) = 1.5", kGreatest<Decimal>},
    {"greatest", "(TIMESTAMP val, TIMESTAMP... vals) -> TIMESTAMP", kGreatestDoc,
     "GREATEST(CAST('2024' AS TIMESTAMP), '2023') = '2024'", kGreatest<int64_t>},
    {"greatest", "(DATE val, DATE... vals) -> DATE", kGreatestDoc,
     "GREATEST(CAST('2024-01-01' AS DATE), '2023-01-01') = '2024-01-01'", kGreatest<int32_t>},
    {"greatest", "(TIME val, TIME... vals) -> TIME", kGreatestDoc,
     "GREATEST(CAST('10:00' AS TIME), '09:00') = '10:00'", kGreatest<int32_t>},

    {"least", "(INT val, INT... vals) -> INT", kLeastDoc, "LEAST(1, 3, NULL) = 1", kLeast<int32_t>},
    {"least", "(BIGINT val, BIGINT... vals) -> BIGINT", kLeastDoc,
     "LEAST(3000000000, 4000000000) = 3000000000", kLeast<int64_t>},
    {"least", "(DOUBLE val, DOUBLE... vals) -> DOUBLE", kLeastDoc, "LEAST(1E0, 3.5E0) = 1E0",
     kLeast<double>},
    {"least", "(STRING val, STRING... vals) -> STRING", kLeastDoc,
     "LEAST('apple', 'pear') = 'apple'", kLeast<std::string_view, TextLess>},
    {"least", "(BYTES val, BYTES... vals) -> BYTES", kLeastDoc,
     "LEAST(CAST('AA==' AS BYTES), CAST('gA==' AS BYTES)) = CAST('gA==' AS BYTES)",
     kLeast<std::string_view, BytesLess>},
    {"least", "(DECIMAL val, DECIMAL... vals) -> DECIMAL", kLeastDoc, "LEAST(1.5, 1.25) = 1.25",
     kLeast<Decimal>},
    {"least", "(TIMESTAMP val, TIMESTAMP... vals) -> TIMESTAMP", kLeastDoc,
     "LEAST(CAST('2024' AS TIMESTAMP), '2023') = '2023'", kLeast<int64_t>},
    {"least", "(DATE val, DATE... vals) -> DATE", kLeastDoc,
     "LEAST(CAST('2024-01-01' AS DATE), '2023-01-01') = '2023-01-01'", kLeast<int32_t>},
    {"least", "(TIME val, TIME... vals) -> TIME", kLeastDoc,
     "LEAST(CAST('10:00' AS TIME), '09:00') = '09:00'", kLeast<int32_t>},

    {"GENERATE_SERIES", "(INT start!, INT end!) -> ARRAY<INT>", kSeries,
     "GENERATE_SERIES(4, 2) = ARRAY[4, 3, 2]", generate_series<int32_t>},
    {"GENERATE_SERIES", "(INT start!, INT end!, INT step!) -> ARRAY<INT>", kSeries,
     "GENERATE_SERIES(0, 8, 3) = ARRAY[0, 3, 6]", generate_series<int32_t>},
    {"GENERATE_SERIES", "(BIGINT start!, BIGINT end!) -> ARRAY<BIGINT>", kSeries,
     "GENERATE_SERIES(3000000000, 3000000001) = ARRAY[3000000000, 3000000001]",
     generate_series<int64_t>},
    {"GENERATE_SERIES", "(BIGINT start!, BIGINT end!, INT step!) -> ARRAY<BIGINT>", kSeries,
     "GENERATE_SERIES(3000000000, 3000000001, 2) = ARRAY[3000000000]", generate_series<int64_t>},

    {"geo_distance", "(DOUBLE lat1!, DOUBLE lon1!, DOUBLE lat2!, DOUBLE lon2!) -> DOUBLE", kGeo,
     "ROUND(GEO_DISTANCE(37.4439, -122.1663, 51, 0)) = 8682", row_kernel<geo_distance_km>},
    {"geo_distance",
     "(DOUBLE lat1!, DOUBLE lon1!, DOUBLE lat2!, DOUBLE lon2!, STRING units) -> DOUBLE", kGeo,
     "ROUND(GEO_DISTANCE(37.4439, -122.1663, 51, 0, 'miles')) = 5395", row_kernel<geo_distance>},

    {.name = "RANDOM",
     .signature = "() -> DOUBLE",
     .doc = "A random number, at least 0 and below 1.",
     .example = "RANDOM() < 1E0",
     .kernel = row_kernel<random_number>,
     .is_deterministic = false},
};

}  // namespace

const FunctionFamily kNumericFunctions{"MATHEMATICAL", kNumericDefs};

}  // namespace engine
