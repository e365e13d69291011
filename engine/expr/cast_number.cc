// Casts numbers to numbers.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "engine/expr/cast_kernels.h"
#include "engine/functions/adapters.h"
#include "engine/types/postgres_type_name.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

template <class From, class To>
To convert(From value) {
  return static_cast<To>(value);
}

// Narrows a double as Java does: rounds towards zero; NaN becomes 0, and a value out of range
// becomes the nearest limit.
template <class To>
To saturate(double value) {
  if (std::isnan(value)) return 0;
  if (value <= static_cast<double>(std::numeric_limits<To>::min()))
    return std::numeric_limits<To>::min();
  if (value >= static_cast<double>(std::numeric_limits<To>::max()))
    return std::numeric_limits<To>::max();
  return static_cast<To>(value);
}

int effective_precision(const SqlType& type) {
  return std::min(type.precision(), kMaxDecimalPrecision);
}

Result<Decimal> scaled(Decimal value, const SqlType& type) {
  const Int128 unscaled =
      TRY(rescale(value, effective_precision(type), type.scale(), Rounding::HalfUp));
  return Decimal{unscaled, type.scale()};
}

template <class From>
Result<Decimal> whole_to_decimal(const KernelCall& call, From value) {
  return scaled({value, 0}, call.out.type());
}
Result<Decimal> decimal_to_decimal(const KernelCall& call, Decimal value) {
  return scaled(value, call.out.type());
}
Result<Decimal> double_to_decimal(const KernelCall& call, double value) {
  const SqlType& type = call.out.type();
  // With PostgreSQL's rules, only the first 15 digits are used, or 6 for a real. So 1.005 is
  // converted as it was written, and not as the slightly smaller double that stores it.
  const bool is_real = call.args[0].type().label() == label::kFloat4;
  const Int128 unscaled =
      call.knows_unknown && std::isfinite(value)
          ? TRY(parse_decimal(fmt::format("{:.{}g}", value, is_real ? 6 : 15),
                              effective_precision(type), type.scale(), Rounding::HalfUp))
          : TRY(decimal_from_double(value, effective_precision(type), type.scale()));
  return Decimal{unscaled, type.scale()};
}
// ---- PostgreSQL's rules, for SELECTs over tables: rounding, and an error for values out of range

Error too_large(const KernelCall& call) {
  return {ErrorCode::OutOfRange, postgres_type_name(call.out.type()) + " out of range"};
}
template <class To>
Result<To> nearest_whole(const KernelCall& call, Decimal value) {
  const Int128 whole = TRY(rescale(value, kMaxDecimalPrecision, 0, Rounding::HalfUp));
  if (whole != static_cast<To>(whole)) return too_large(call);
  return static_cast<To>(whole);
}
template <class To>
Result<To> nearest_whole_of_double(const KernelCall& call, double value) {
  const double whole = std::nearbyint(value);
  constexpr double kEnd = sizeof(To) == 4 ? 0x1p31 : 0x1p63;
  if (!(whole >= -kEnd && whole < kEnd)) return too_large(call);
  return static_cast<To>(whole);
}
Result<int32_t> checked_integer(const KernelCall& call, int64_t value) {
  if (value != static_cast<int32_t>(value)) return too_large(call);
  return static_cast<int32_t>(value);
}

int64_t whole_part(Decimal value) { return decimal_to_bigint(value.unscaled, value.scale); }
int32_t narrow_whole_part(Decimal value) { return static_cast<int32_t>(whole_part(value)); }

// ---- The dialect's rules with checked ranges: the whole part, and an error for values out of range

template <class To>
Result<To> checked_whole_part(const KernelCall& call, Decimal value) {
  const Int128 whole = value.unscaled / power_of_ten(value.scale);
  if (whole != static_cast<To>(whole)) return too_large(call);
  return static_cast<To>(whole);
}
template <class To>
Result<To> checked_whole_part_of_double(const KernelCall& call, double value) {
  const double whole = std::trunc(value);
  constexpr double kEnd = sizeof(To) == 4 ? 0x1p31 : 0x1p63;
  if (!(whole >= -kEnd && whole < kEnd)) return too_large(call);
  return static_cast<To>(whole);
}

// Calls `of_postgres` if PostgreSQL's rules apply to the call (KernelCall::knows_unknown), `checked` if only the range
// is checked (KernelCall::checks_range), otherwise `of_java`.
template <auto of_java, auto checked, auto of_postgres>
void by_rules(KernelCall& call) {
  if (call.knows_unknown)
    row_kernel<of_postgres>(call);
  else if (call.checks_range)
    row_kernel<checked>(call);
  else
    row_kernel<of_java>(call);
}

double nearest_double(Decimal value) { return decimal_to_double(value.unscaled, value.scale); }

}  // namespace

void cast_integer_to_bigint(KernelCall& call) { row_kernel<convert<int32_t, int64_t>>(call); }
void cast_integer_to_decimal(KernelCall& call) { row_kernel<whole_to_decimal<int32_t>>(call); }
void cast_integer_to_double(KernelCall& call) { row_kernel<convert<int32_t, double>>(call); }
void cast_bigint_to_integer(KernelCall& call) {
  by_rules<convert<int64_t, int32_t>, checked_integer, checked_integer>(call);
}
void cast_bigint_to_decimal(KernelCall& call) { row_kernel<whole_to_decimal<int64_t>>(call); }
void cast_bigint_to_double(KernelCall& call) { row_kernel<convert<int64_t, double>>(call); }
void cast_decimal_to_integer(KernelCall& call) {
  by_rules<narrow_whole_part, checked_whole_part<int32_t>, nearest_whole<int32_t>>(call);
}
void cast_decimal_to_bigint(KernelCall& call) {
  by_rules<whole_part, checked_whole_part<int64_t>, nearest_whole<int64_t>>(call);
}
void cast_decimal_to_decimal(KernelCall& call) { row_kernel<decimal_to_decimal>(call); }
void cast_decimal_to_double(KernelCall& call) { row_kernel<nearest_double>(call); }
void cast_double_to_integer(KernelCall& call) {
  by_rules<saturate<int32_t>, checked_whole_part_of_double<int32_t>,
           nearest_whole_of_double<int32_t>>(call);
}
void cast_double_to_bigint(KernelCall& call) {
  by_rules<saturate<int64_t>, checked_whole_part_of_double<int64_t>,
           nearest_whole_of_double<int64_t>>(call);
}
void cast_double_to_decimal(KernelCall& call) { row_kernel<double_to_decimal>(call); }

}  // namespace engine
