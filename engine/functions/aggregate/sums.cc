// Implements COUNT, SUM, AVG and other aggregates that add up numbers.
#include <cmath>

#include "engine/functions/aggregate/accumulator.h"
#include "engine/functions/families.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

// Adds two numbers. Integers wrap around, as in Java. (128 bits cannot overflow in practice.)
template <class T>
T plus(T a, T b) {
  if constexpr (std::is_same_v<T, int32_t> || std::is_same_v<T, int64_t>) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
  } else {
    return a + b;
  }
}
template <class T>
T minus(T a, T b) {
  if constexpr (std::is_same_v<T, int32_t> || std::is_same_v<T, int64_t>) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Unsigned>(a) - static_cast<Unsigned>(b));
  } else {
    return a - b;
  }
}

// ---- COUNT ----

struct CountRows {
  int64_t count = 0;

  void update(const AggregateInstance&, AggregateColumns, size_t) { ++count; }
  void undo(const AggregateInstance&, AggregateColumns, size_t) { --count; }
  void merge(const AggregateInstance&, const CountRows& other) { count += other.count; }
  void result(const AggregateInstance&, Column& out) const { out.append(count); }
  void encode(std::string& out) const { put(out, count); }
  void decode(const AggregateInstance&, ByteReader& in) { count = take<int64_t>(in); }
};

struct CountValues : CountRows {
  void update(const AggregateInstance&, AggregateColumns args, size_t row) {
    count += args[0]->is_null(row) ? 0 : 1;
  }
  void undo(const AggregateInstance&, AggregateColumns args, size_t row) {
    count -= args[0]->is_null(row) ? 0 : 1;
  }
  void merge(const AggregateInstance&, const CountValues& other) { count += other.count; }
};

// ---- SUM ----

// The type in which a sum of T is kept. Integers are added up in twice their width. A sum that exceeds its type is
// null, and becomes a number again if other values bring it back into the range. In ksqlDB, and in a query that was
// created under ksqlDB's defaults (kSumOverflow), the sum wraps around.
template <class T>
struct Wider {
  using Type = T;
};
template <>
struct Wider<int32_t> {
  using Type = int64_t;
};
template <>
struct Wider<int64_t> {
  using Type = Int128;
};
template <class T>
using Wide = typename Wider<T>::Type;

bool wraps_around(const AggregateInstance& instance) {
  const auto set = instance.properties.find(std::string(kSumOverflow));
  return set != instance.properties.end() && set->second == kSumWraps;
}

// Encodes a sum. A sum that fits 64 bits is written as one number, which is the format of older versions; otherwise the
// high half follows.
void put_wide(std::string& out, int64_t sum) { put(out, sum); }
void put_wide(std::string& out, double sum) { put(out, sum); }
void put_wide(std::string& out, Int128 sum) {
  put(out, static_cast<int64_t>(sum));
  if (sum != static_cast<int64_t>(sum)) append_be(out, static_cast<int64_t>(sum >> 64));
}
template <class T>
T take_wide(ByteReader& in) {
  if constexpr (std::is_same_v<T, Int128>) {
    const auto low = take<int64_t>(in);
    if (in.at_end()) return low;
    const auto high = static_cast<unsigned __int128>(in.be<uint64_t>());
    return static_cast<Int128>(high << 64 | static_cast<uint64_t>(low));
  } else {
    return take<T>(in);
  }
}

template <class T>
struct Sum {
  Wide<T> sum = 0;

  void update(const AggregateInstance&, AggregateColumns args, size_t row) {
    // The value of a null row is zero (Column), so it needs no check.
    sum = plus(sum, static_cast<Wide<T>>(args[0]->data<T>()[row]));
  }
  void undo(const AggregateInstance&, AggregateColumns args, size_t row) {
    sum = minus(sum, static_cast<Wide<T>>(args[0]->data<T>()[row]));
  }
  void merge(const AggregateInstance&, const Sum& other) { sum = plus(sum, other.sum); }
  void result(const AggregateInstance& instance, Column& out) const {
    const auto narrow = static_cast<T>(sum);
    if constexpr (!std::is_same_v<T, double>)
      if (narrow != sum && !wraps_around(instance)) return out.append_null();
    out.append(narrow);
  }
  void encode(std::string& out) const { put_wide(out, sum); }
  void decode(const AggregateInstance&, ByteReader& in) { sum = take_wide<Wide<T>>(in); }
};

// A sum of decimals in 192 bits, which no number of records exceeds. As with integers, a sum with more digits than its
// type is null, and becomes a number again if other values or an undo bring it back into the range. A query under
// ksqlDB's defaults (kSumOverflow) fails instead, as in ksqlDB ("Numeric field overflow").
struct DecimalSum {
  unsigned __int128 low = 0;
  int64_t high = 0;  // bits above `low`, in two's complement

  static int64_t sign_of(unsigned __int128 bits) { return static_cast<Int128>(bits) < 0 ? -1 : 0; }

  bool fits(const AggregateInstance& instance) const {
    return high == sign_of(low) &&
           fits_precision(static_cast<Int128>(low), instance.result_type.precision());
  }
  void plus_bits(unsigned __int128 other_low, int64_t other_high) {
    low += other_low;
    high = plus(high, other_high);
    if (low < other_low) high = plus(high, int64_t{1});
  }
  Status add(const AggregateInstance& instance, unsigned __int128 other_low, int64_t other_high) {
    DecimalSum total = *this;
    total.plus_bits(other_low, other_high);
    const SqlType& type = instance.result_type;
    if (!total.fits(instance) && wraps_around(instance))
      return numeric_overflow(type.precision(), type.scale(),
                              decimal_text(static_cast<Int128>(total.low), type.scale()));
    *this = total;
    return {};
  }
  Status add(const AggregateInstance& instance, Int128 value) {
    const auto bits = static_cast<unsigned __int128>(value);
    return add(instance, bits, sign_of(bits));
  }
  Status update(const AggregateInstance& instance, AggregateColumns args, size_t row) {
    return add(instance, args[0]->data<Int128>()[row]);
  }
  Status undo(const AggregateInstance& instance, AggregateColumns args, size_t row) {
    return add(instance, -args[0]->data<Int128>()[row]);
  }
  Status merge(const AggregateInstance& instance, const DecimalSum& other) {
    return add(instance, other.low, other.high);
  }
  void result(const AggregateInstance& instance, Column& out) const {
    if (!fits(instance)) return out.append_null();
    out.append(static_cast<Int128>(low));
  }
  // Writes 16 bytes, which is the format of older versions. The high part follows if it is not just the sign of the low
  // part.
  void encode(std::string& out) const {
    put(out, static_cast<Int128>(low));
    if (high != sign_of(low)) append_be(out, high);
  }
  void decode(const AggregateInstance&, ByteReader& in) {
    low = static_cast<unsigned __int128>(take<Int128>(in));
    high = in.at_end() ? sign_of(low) : in.be<int64_t>();
  }
};

template <class T>
struct ListSum : Sum<T> {
  static Wide<T> total(const Column& lists, size_t row) {
    const auto items = lists.child(0).data<T>();
    Wide<T> total = 0;
    for (uint32_t i = lists.offsets()[row]; i < lists.offsets()[row + 1]; ++i)
      total = plus(total, static_cast<Wide<T>>(items[i]));
    return total;
  }
  void update(const AggregateInstance&, AggregateColumns args, size_t row) {
    if (!args[0]->is_null(row)) this->sum = plus(this->sum, total(*args[0], row));
  }
  void undo(const AggregateInstance&, AggregateColumns args, size_t row) {
    if (!args[0]->is_null(row)) this->sum = minus(this->sum, total(*args[0], row));
  }
  void merge(const AggregateInstance&, const ListSum& other) {
    this->sum = plus(this->sum, other.sum);
  }
};

// ---- AVG ----

template <class T>
struct Average {
  // INT values are added up in 64 bits, so that the sum does not wrap around.
  using Total = std::conditional_t<std::is_same_v<T, int32_t>, int64_t, T>;
  Total sum = 0;
  int64_t count = 0;

  void update(const AggregateInstance&, AggregateColumns args, size_t row) {
    sum = plus(sum, static_cast<Total>(args[0]->data<T>()[row]));
    count += args[0]->is_null(row) ? 0 : 1;
  }
  void undo(const AggregateInstance&, AggregateColumns args, size_t row) {
    sum = minus(sum, static_cast<Total>(args[0]->data<T>()[row]));
    count -= args[0]->is_null(row) ? 0 : 1;
  }
  void merge(const AggregateInstance&, const Average& other) {
    sum = plus(sum, other.sum);
    count += other.count;
  }
  void result(const AggregateInstance& instance, Column& out) const {
    Total total = sum;
    const auto narrow = static_cast<Total>(static_cast<T>(sum));
    if (narrow != sum && wraps_around(instance)) total = narrow;
    out.append(count == 0 ? 0.0 : static_cast<double>(total) / static_cast<double>(count));
  }
  void encode(std::string& out) const {
    put(out, sum);
    put(out, count);
  }
  void decode(const AggregateInstance&, ByteReader& in) {
    sum = take<Total>(in);
    count = take<int64_t>(in);
  }
};

SqlType average_type(const AggregateInstance& instance) {
  return SqlType::structure(
      {{"SUM", instance.argument_types[0]}, {"COUNT", SqlType(TypeKind::Bigint)}});
}

// ---- STDDEV ----

// Computes the variance with the updating formula of Youngs and Cramer. With this order of operations, the last digits
// are those of ksqlDB.
template <class T>
struct Variance {
  T sum = 0;
  int64_t count = 0;
  double squares = 0;  // sum of the squared differences from the mean

  static double step(T sum_after, int64_t count_after, T value) {
    const auto n = static_cast<double>(count_after);
    const double difference = static_cast<double>(value) * n - static_cast<double>(sum_after);
    return difference * difference / (n * (n - 1));
  }
  void update(const AggregateInstance&, AggregateColumns args, size_t row) {
    if (args[0]->is_null(row)) return;
    const T value = args[0]->data<T>()[row];
    sum = plus(sum, value);
    if (++count > 1) squares += step(sum, count, value);
  }
  void undo(const AggregateInstance&, AggregateColumns args, size_t row) {
    if (args[0]->is_null(row)) return;
    const T value = args[0]->data<T>()[row];
    if (count > 1) squares -= step(sum, count, value);
    sum = minus(sum, value);
    --count;
  }
  void merge(const AggregateInstance&, const Variance& other) {
    if (count > 0 && other.count > 0) {
      const auto a = static_cast<double>(count), b = static_cast<double>(other.count);
      const double difference = b / a * static_cast<double>(sum) - static_cast<double>(other.sum);
      squares += a / (b * (a + b)) * difference * difference;
    }
    squares += other.squares;
    sum = plus(sum, other.sum);
    count += other.count;
  }
  double variance() const { return count < 2 ? 0.0 : squares / static_cast<double>(count - 1); }
  void result(const AggregateInstance&, Column& out) const { out.append(variance()); }
  void encode(std::string& out) const {
    put(out, sum);
    put(out, count);
    put(out, squares);
  }
  void decode(const AggregateInstance&, ByteReader& in) {
    sum = take<T>(in);
    count = take<int64_t>(in);
    squares = take<double>(in);
  }
};

template <class T>
struct Deviation : Variance<T> {
  void merge(const AggregateInstance& instance, const Deviation& other) {
    Variance<T>::merge(instance, other);
  }
  void result(const AggregateInstance&, Column& out) const {
    out.append(std::sqrt(this->variance()));
  }
};

SqlType variance_type(const AggregateInstance& instance) {
  return SqlType::structure({{"SUM", instance.argument_types[0]},
                             {"COUNT", SqlType(TypeKind::Bigint)},
                             {"M2", SqlType(TypeKind::Double)}});
}

// ---- CORRELATION ----

template <class T>
struct Correlation {
  int64_t count = 0;
  double x = 0, y = 0, xx = 0, yy = 0, xy = 0;

  void add(AggregateColumns args, size_t row, int sign) {
    if (args[0]->is_null(row) || args[1]->is_null(row)) return;
    const auto a = static_cast<double>(args[0]->data<T>()[row]);
    const auto b = static_cast<double>(args[1]->data<T>()[row]);
    count += sign;
    x += sign * a;
    y += sign * b;
    xx += sign * (a * a);
    yy += sign * (b * b);
    xy += sign * (a * b);
  }
  void update(const AggregateInstance&, AggregateColumns args, size_t row) { add(args, row, 1); }
  void undo(const AggregateInstance&, AggregateColumns args, size_t row) { add(args, row, -1); }
  void merge(const AggregateInstance&, const Correlation& other) {
    count += other.count;
    x += other.x;
    y += other.y;
    xx += other.xx;
    yy += other.yy;
    xy += other.xy;
  }
  void result(const AggregateInstance&, Column& out) const {
    const auto n = static_cast<double>(count);
    out.append((n * xy - x * y) / std::sqrt((n * xx - x * x) * (n * yy - y * y)));
  }
  void encode(std::string& out) const {
    put(out, count);
    for (const double part : {x, y, xx, yy, xy}) put(out, part);
  }
  void decode(const AggregateInstance&, ByteReader& in) {
    count = take<int64_t>(in);
    for (double* part : {&x, &y, &xx, &yy, &xy}) *part = take<double>(in);
  }
};

SqlType correlation_type(const AggregateInstance&) {
  std::vector<Field> fields{{"COUNT", SqlType(TypeKind::Bigint)}};
  for (const char* name : {"X", "Y", "XX", "YY", "XY"})
    fields.push_back({name, SqlType(TypeKind::Double)});
  return SqlType::structure(std::move(fields));
}

// ---- The table ----

template <class State>
constexpr AggregateDef row(std::string_view name, std::string_view signature, std::string_view doc,
                           AggregateType type = nullptr) {
  return {.name = name,
          .signature = signature,
          .doc = doc,
          .accumulator = accumulator_of<State>(),
          .aggregate_type = type};
}

constexpr std::string_view
    kSum = "The sum of all values; 0 without values, null if it does not fit its type.",
    kListSum = "The sum of all elements of all arrays; null if it does not fit its type.",
    kAverage = "The mean of all values; 0.0 without values.",
    kVariance =
        "The sample variance (not its root, as in ksqlDB); 0.0 for fewer "
        "than two values.",
    kDeviation = "The standard deviation of a sample; 0.0 for fewer than two values.",
    kCorrelation =
        "Pearson's correlation coefficient of the rows in which neither argument is null; NaN if "
        "it is not defined.";

constexpr AggregateDef kSumDefs[] = {
    row<CountRows>("COUNT", "() -> BIGINT",
                   "The number of rows; with an argument, the number of values that are not null."),
    row<CountValues>("COUNT", "(T val) -> BIGINT",
                     "The number of rows in which the value is not null."),
    row<Sum<int32_t>>("SUM", "(INT val) -> INT", kSum),
    row<Sum<int64_t>>("SUM", "(BIGINT val) -> BIGINT", kSum),
    row<Sum<double>>("SUM", "(DOUBLE val) -> DOUBLE", kSum),
    row<DecimalSum>("SUM", "(DECIMAL val) -> DECIMAL", kSum),
    row<ListSum<int32_t>>("SUM_LIST", "(ARRAY<INT> val) -> INT", kListSum),
    row<ListSum<int64_t>>("SUM_LIST", "(ARRAY<BIGINT> val) -> BIGINT", kListSum),
    row<ListSum<double>>("SUM_LIST", "(ARRAY<DOUBLE> val) -> DOUBLE", kListSum),
    row<Average<int32_t>>("AVG", "(INT val) -> DOUBLE", kAverage, average_type),
    row<Average<int64_t>>("AVG", "(BIGINT val) -> DOUBLE", kAverage, average_type),
    row<Average<double>>("AVG", "(DOUBLE val) -> DOUBLE", kAverage, average_type),
    row<Variance<int32_t>>("STDDEV_SAMP", "(INT val) -> DOUBLE", kVariance, variance_type),
    row<Variance<int64_t>>("STDDEV_SAMP", "(BIGINT val) -> DOUBLE", kVariance, variance_type),
    row<Variance<double>>("STDDEV_SAMP", "(DOUBLE val) -> DOUBLE", kVariance, variance_type),
    row<Deviation<int32_t>>("STDDEV_SAMPLE", "(INT val) -> DOUBLE", kDeviation, variance_type),
    row<Deviation<int64_t>>("STDDEV_SAMPLE", "(BIGINT val) -> DOUBLE", kDeviation, variance_type),
    row<Deviation<double>>("STDDEV_SAMPLE", "(DOUBLE val) -> DOUBLE", kDeviation, variance_type),
    row<Correlation<int32_t>>("CORRELATION", "(INT x, INT y) -> DOUBLE", kCorrelation,
                              correlation_type),
    row<Correlation<int64_t>>("CORRELATION", "(BIGINT x, BIGINT y) -> DOUBLE", kCorrelation,
                              correlation_type),
    row<Correlation<double>>("CORRELATION", "(DOUBLE x, DOUBLE y) -> DOUBLE", kCorrelation,
                             correlation_type),
};

}  // namespace

const FunctionFamily kSumAggregates{"AGGREGATE", {}, kSumDefs};

}  // namespace engine
