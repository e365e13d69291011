// Implements sums and means with PostgreSQL's rules, for SELECTs over tables. The result is null if there are no
// values. Its type is wide enough for the sum.
#include <algorithm>
#include <cmath>

#include "engine/functions/aggregate/accumulator.h"
#include "engine/functions/families.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

// The type of a sum of DECIMALs has ten more digits than the type of its values.
constexpr int kMoreDigits = 10, kDigitsOfBigint = 19;
// The smallest scale of a mean. PostgreSQL uses this scale for a mean between 1 and 9999.
constexpr int kDigitsOfMean = 16;

template <class T>
using Total = std::conditional_t<std::is_same_v<T, int32_t>, int64_t,
                                 std::conditional_t<std::is_same_v<T, double>, double, Int128>>;

// A sum and a count of values. Values can be removed from sums that are exact. Doubles leave a residue, so they have no
// undo. A SELECT only adds values; an incremental view also removes them (engine/ivm/reduce.h).
template <class T>
struct Added {
  Total<T> sum = 0;
  int64_t count = 0;

  void update(const AggregateInstance&, AggregateColumns args, size_t row) {
    if (args[0]->is_null(row)) return;
    sum += static_cast<Total<T>>(args[0]->data<T>()[row]);
    ++count;
  }
  void undo(const AggregateInstance&, AggregateColumns args,
            size_t row) requires(!std::is_same_v<T, double>) {
    if (args[0]->is_null(row)) return;
    sum -= static_cast<Total<T>>(args[0]->data<T>()[row]);
    --count;
  }
  void add(const Added& other) {
    sum += other.sum;
    count += other.count;
  }
  void encode(std::string& out) const {
    put(out, sum);
    put(out, count);
  }
  void decode(const AggregateInstance&, ByteReader& in) {
    sum = take<Total<T>>(in);
    count = take<int64_t>(in);
  }
};

template <class T>
struct SumOrNull : Added<T> {
  void merge(const AggregateInstance&, const SumOrNull& other) { this->add(other); }
  void result(const AggregateInstance&, Column& out) const {
    if (this->count == 0)
      out.append_null();
    else
      out.append(this->sum);
  }
};

// A sum of reals, which is rounded to a real after each value, as in PostgreSQL.
struct SumOfReals : Added<double> {
  Status round() {
    const auto rounded = static_cast<double>(static_cast<float>(sum));
    if (std::isinf(rounded) && !std::isinf(sum))
      return Error{ErrorCode::OutOfRange, "value out of range: overflow"};
    sum = rounded;
    return {};
  }
  Status update(const AggregateInstance& instance, AggregateColumns args, size_t row) {
    Added::update(instance, args, row);
    return round();
  }
  Status merge(const AggregateInstance&, const SumOfReals& other) {
    add(other);
    return round();
  }
  void result(const AggregateInstance&, Column& out) const {
    count == 0 ? out.append_null() : out.append(sum);
  }
};
Result<SqlType> real_type(std::span<const SqlType>) {
  return SqlType(TypeKind::Double).labelled(label::kFloat4);
}

// ---- Intervals, which are stored as texts

struct IntervalTotal {
  Interval sum;
  int64_t count = 0;

  Status add(const Interval& more, int64_t values) {
    sum = TRY(plus(sum, more));
    count += values;
    return {};
  }
  Status update(const AggregateInstance&, AggregateColumns args, size_t row) {
    if (args[0]->is_null(row)) return {};
    return add(TRY(parse_interval(args[0]->data<std::string_view>()[row])), 1);
  }
  void encode(std::string& out) const {
    put(out, sum.us);
    put(out, int64_t{sum.days});
    put(out, int64_t{sum.months});
    put(out, count);
  }
  void decode(const AggregateInstance&, ByteReader& in) {
    sum.us = take<int64_t>(in);
    sum.days = static_cast<int32_t>(take<int64_t>(in));
    sum.months = static_cast<int32_t>(take<int64_t>(in));
    count = take<int64_t>(in);
  }
};
struct SumOfIntervals : IntervalTotal {
  Status merge(const AggregateInstance&, const SumOfIntervals& other) {
    return add(other.sum, other.count);
  }
  void result(const AggregateInstance&, Column& out) const {
    count == 0 ? out.append_null() : out.append_copy(interval_text(sum));
  }
};
struct MeanOfIntervals : IntervalTotal {
  Status merge(const AggregateInstance&, const MeanOfIntervals& other) {
    return add(other.sum, other.count);
  }
  void result(const AggregateInstance&, Column& out) const {
    const auto mean =
        count == 0 ? Result<Interval>(Interval()) : divided(sum, static_cast<double>(count));
    if (count == 0 || !mean)
      out.append_null();
    else
      out.append_copy(interval_text(*mean));
  }
};
Result<SqlType> interval_sum_type(std::span<const SqlType>) {
  return SqlType(TypeKind::String).labelled(label::kInterval);
}

// A sum of DECIMALs. Both operands of an addition have at most 38 digits, so an overflow is detected before 128 bits
// are exceeded.
struct DecimalSumOrNull : SumOrNull<Int128> {
  Status check(const AggregateInstance& instance) const {
    const SqlType& type = instance.result_type;
    if (fits_precision(sum, type.precision())) return {};
    return numeric_overflow(type.precision(), type.scale(), decimal_text(sum, type.scale()));
  }
  Status update(const AggregateInstance& instance, AggregateColumns args, size_t row) {
    Added::update(instance, args, row);
    return check(instance);
  }
  Status merge(const AggregateInstance& instance, const DecimalSumOrNull& other) {
    add(other);
    return check(instance);
  }
};

struct MeanOfDoubles : Added<double> {
  void merge(const AggregateInstance&, const MeanOfDoubles& other) { add(other); }
  void result(const AggregateInstance&, Column& out) const {
    if (count == 0)
      out.append_null();
    else
      out.append(sum / static_cast<double>(count));
  }
};

// A mean of exact numbers, rounded half up to the scale of the result, which is at least the scale of the values.
template <class T>
struct ExactMean : Added<T> {
  // Adds a value. Fails if the value is too large for the result, because result() cannot report an error.
  Status update(const AggregateInstance& instance, AggregateColumns args, size_t row) {
    if (std::is_same_v<T, Int128> && !args[0]->is_null(row)) {
      const SqlType &values = instance.argument_types[0], &mean = instance.result_type;
      const Int128 value = args[0]->data<T>()[row];
      if (!fits_precision(value, kMaxDecimalPrecision - (mean.scale() - values.scale())))
        return numeric_overflow(mean.precision(), mean.scale(),
                                decimal_text(value, values.scale()));
    }
    Added<T>::update(instance, args, row);
    return {};
  }
  void merge(const AggregateInstance&, const ExactMean& other) { this->add(other); }
  void result(const AggregateInstance& instance, Column& out) const {
    if (this->count == 0) return out.append_null();
    const SqlType& values = instance.argument_types[0];
    const int digits = values.kind() == TypeKind::Decimal ? values.scale() : 0;
    const bool is_negative = this->sum < 0;
    const auto total = static_cast<Int128>(is_negative ? -this->sum : this->sum);
    Int128 mean = total / this->count, rest = total % this->count;
    for (int i = digits; i < instance.result_type.scale(); ++i) {
      if (!fits_precision(mean, kMaxDecimalPrecision - 1)) return out.append_null();
      mean = mean * 10 + rest * 10 / this->count;
      rest = rest * 10 % this->count;
    }
    if (rest >= this->count - rest) ++mean;
    out.append(is_negative ? -mean : mean);
  }
};

Result<SqlType> sum_type(std::span<const SqlType> arguments) {
  const SqlType& value = arguments[0];
  const int digits = value.kind() == TypeKind::Decimal ? value.precision() : kDigitsOfBigint;
  const int scale = value.kind() == TypeKind::Decimal ? value.scale() : 0;
  return SqlType::decimal(std::min(digits + kMoreDigits, kMaxDecimalPrecision), scale);
}
Result<SqlType> mean_type(std::span<const SqlType> arguments) {
  const SqlType& value = arguments[0];
  const int scale = value.kind() == TypeKind::Decimal ? value.scale() : 0;
  return SqlType::decimal(kMaxDecimalPrecision, std::max(scale, kDigitsOfMean));
}

template <class State>
constexpr AggregateDef row(std::string_view name, std::string_view signature, std::string_view doc,
                           ReturnType returns = nullptr) {
  return {.name = name,
          .signature = signature,
          .doc = doc,
          .accumulator = accumulator_of<State>(),
          .returns = returns};
}

constexpr std::string_view kSum =
    "Over tables: the sum of all values that are not null; null without values.";
constexpr std::string_view kMean =
    "Over tables: the mean of all values that are not null, with 16 digits after the decimal point "
    "if they are exact; null without values.";

constexpr AggregateDef kPostgresSumsDefs[] = {
    row<SumOrNull<int32_t>>("pg_catalog.sum", "(INT val) -> BIGINT", kSum),
    row<SumOrNull<int64_t>>("pg_catalog.sum", "(BIGINT val) -> DECIMAL", kSum, sum_type),
    row<SumOrNull<double>>("pg_catalog.sum", "(DOUBLE val) -> DOUBLE", kSum),
    row<SumOfReals>("pg_catalog.sum_of_reals", "(DOUBLE val) -> DOUBLE",
                    "Over tables: SUM of values of type real; the result is a real.", real_type),
    row<SumOfIntervals>("pg_catalog.sum_of_intervals", "(STRING val) -> STRING",
                        "Over tables: SUM of intervals; the result is an interval.",
                        interval_sum_type),
    row<MeanOfIntervals>("pg_catalog.avg_of_intervals", "(STRING val) -> STRING",
                         "Over tables: AVG of intervals; the result is an interval.",
                         interval_sum_type),
    row<DecimalSumOrNull>("pg_catalog.sum", "(DECIMAL val) -> DECIMAL", kSum, sum_type),
    row<ExactMean<int32_t>>("pg_catalog.avg", "(INT val) -> DECIMAL", kMean, mean_type),
    row<ExactMean<int64_t>>("pg_catalog.avg", "(BIGINT val) -> DECIMAL", kMean, mean_type),
    row<MeanOfDoubles>("pg_catalog.avg", "(DOUBLE val) -> DOUBLE", kMean),
    row<ExactMean<Int128>>("pg_catalog.avg", "(DECIMAL val) -> DECIMAL", kMean, mean_type),
};

}  // namespace

const FunctionFamily kPostgresSums{"POSTGRESQL OVER TABLES", {}, kPostgresSumsDefs};

}  // namespace engine
