// Implements those aggregates of PostgreSQL that ksqlDB does not have. Without values, their result
// is null.
#include <cmath>
#include <functional>
#include <optional>

#include "engine/functions/aggregate/accumulator.h"
#include "engine/functions/families.h"
#include "engine/functions/kernel.h"

namespace engine {

namespace {

// ---- STRING_AGG ----

struct JoinedText {
  std::string text, first_separator;
  bool has_any = false;

  Status add(std::string_view separator, std::string_view value) {
    if (text.size() + separator.size() + value.size() > kMaxValueBytes)
      return Error{ErrorCode::LimitExceeded, "STRING_AGG gives more than 64 MB"};
    if (!has_any)
      first_separator = separator;  // merge() puts it before the text
    else
      text += separator;
    text += value;
    has_any = true;
    return {};
  }
  Status update(const AggregateInstance&, AggregateColumns args, size_t row) {
    if (args[0]->is_null(row)) return {};
    const auto separator =
        args[1]->is_null(row) ? std::string_view() : args[1]->data<std::string_view>()[row];
    return add(separator, args[0]->data<std::string_view>()[row]);
  }
  Status merge(const AggregateInstance&, const JoinedText& other) {
    return other.has_any ? add(other.first_separator, other.text) : Status();
  }
  void result(const AggregateInstance&, Column& out) const {
    if (has_any)
      out.append_copy(text);
    else
      out.append_null();
  }
  void encode(std::string& out) const {
    if (!has_any) return;
    put(out, std::string_view(first_separator));
    put(out, std::string_view(text));
  }
  void decode(const AggregateInstance&, ByteReader& in) {
    if (in.at_end()) return;
    first_separator = take<std::string>(in);
    text = take<std::string>(in);
    has_any = true;
  }
};

// ---- ARRAY_AGG ----

struct Gathered {
  std::string cells;

  void update(const AggregateInstance&, AggregateColumns args, size_t row) {
    put(cells, std::string_view(canonical_cell(*args[0], row)));
  }
  void merge(const AggregateInstance&, const Gathered& other) { cells += other.cells; }
  void result(const AggregateInstance&, Column& out) const {
    if (cells.empty()) return out.append_null();
    for (ByteReader in(cells); !in.at_end();) append_value_of(in.bytes(in.varint()), out.child(0));
    out.close_list();
  }
  void encode(std::string& out) const { out += cells; }
  void decode(const AggregateInstance& instance, ByteReader& in) {
    while (in.ok() && !in.at_end())
      put(cells, std::string_view(take_cell(instance.argument_types[0], in)));
  }
};

// ---- BOOL_AND, BOOL_OR ----

struct Truths {
  int64_t count_true = 0, count_false = 0;

  void add(AggregateColumns args, size_t row, int64_t count) {
    if (args[0]->is_null(row)) return;
    (args[0]->data<uint8_t>()[row] ? count_true : count_false) += count;
  }
  void update(const AggregateInstance&, AggregateColumns args, size_t row) { add(args, row, 1); }
  void undo(const AggregateInstance&, AggregateColumns args, size_t row) { add(args, row, -1); }
  void encode(std::string& out) const {
    put(out, count_true);
    put(out, count_false);
  }
  void decode(const AggregateInstance&, ByteReader& in) {
    count_true = take<int64_t>(in);
    count_false = take<int64_t>(in);
  }
  void append(bool value, Column& out) const {
    if (count_true + count_false == 0)
      out.append_null();
    else
      out.append(static_cast<uint8_t>(value));
  }
};
struct AllTrue : Truths {
  void merge(const AggregateInstance&, const AllTrue& other) {
    count_true += other.count_true;
    count_false += other.count_false;
  }
  void result(const AggregateInstance&, Column& out) const { append(count_false == 0, out); }
};
struct AnyTrue : Truths {
  void merge(const AggregateInstance&, const AnyTrue& other) {
    count_true += other.count_true;
    count_false += other.count_false;
  }
  void result(const AggregateInstance&, Column& out) const { append(count_true > 0, out); }
};

// ---- BIT_AND, BIT_OR, BIT_XOR ----

using And = std::bit_and<int64_t>;
using Or = std::bit_or<int64_t>;
using Xor = std::bit_xor<int64_t>;

template <class T, class Op>
struct Bits {
  int64_t bits = 0;
  bool has_any = false;

  void add(int64_t more) {
    bits = has_any ? Op()(bits, more) : more;
    has_any = true;
  }
  void update(const AggregateInstance&, AggregateColumns args, size_t row) {
    if (!args[0]->is_null(row)) add(args[0]->data<T>()[row]);
  }
  void merge(const AggregateInstance&, const Bits& other) {
    if (other.has_any) add(other.bits);
  }
  void result(const AggregateInstance&, Column& out) const {
    if (has_any)
      out.append(static_cast<T>(bits));
    else
      out.append_null();
  }
  void encode(std::string& out) const {
    if (has_any) put(out, bits);
  }
  void decode(const AggregateInstance&, ByteReader& in) {
    has_any = !in.at_end();
    if (has_any) bits = take<int64_t>(in);
  }
};

// ---- VARIANCE and similar aggregates

// Adds squares with the formula of Youngs and Cramer, as PostgreSQL does. The formula preserves the digits of values
// that are close to each other.
struct Squares {
  double count = 0, sum = 0, squares = 0;

  void update(const AggregateInstance&, AggregateColumns args, size_t row) {
    if (args[0]->is_null(row)) return;
    const double value = args[0]->data<double>()[row];
    const double before = count;
    count += 1;
    sum += value;
    if (before == 0) {
      squares = std::isfinite(value) ? 0 : std::nan("");
      return;
    }
    const double distance = value * count - sum;
    squares += distance * distance / (count * before);
  }
  void add(const Squares& other) {
    if (other.count == 0) return;
    if (count > 0) {
      const double distance = sum / count - other.sum / other.count;
      squares += other.squares + count * other.count * distance * distance / (count + other.count);
    } else {
      squares = other.squares;
    }
    count += other.count;
    sum += other.sum;
  }
  void encode(std::string& out) const {
    for (const double part : {count, sum, squares}) put(out, part);
  }
  void decode(const AggregateInstance&, ByteReader& in) {
    for (double* part : {&count, &sum, &squares}) *part = take<double>(in);
  }
};
template <bool kOfSample, bool kIsRoot>
struct Spread : Squares {
  void merge(const AggregateInstance&, const Spread& other) { add(other); }
  void result(const AggregateInstance&, Column& out) const {
    const double divisor = kOfSample ? count - 1 : count;
    if (divisor <= 0) return out.append_null();
    const double variance = squares / divisor;
    out.append(kIsRoot ? std::sqrt(variance) : variance);
  }
};

// ---- CORR, COVAR_POP, REGR_SLOPE and similar aggregates of y and x

struct Pairs {
  double count = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;

  void update(const AggregateInstance&, AggregateColumns args, size_t row) {
    if (args[0]->is_null(row) || args[1]->is_null(row)) return;
    const double own_y = args[0]->data<double>()[row], own_x = args[1]->data<double>()[row];
    const double before = count;
    count += 1;
    x += own_x;
    y += own_y;
    if (before == 0) {
      if (!std::isfinite(own_x)) xx = xy = std::nan("");
      if (!std::isfinite(own_y)) yy = xy = std::nan("");
      return;
    }
    const double from_x = own_x * count - x, from_y = own_y * count - y;
    const double scale = 1 / (count * before);
    xx += from_x * from_x * scale;
    yy += from_y * from_y * scale;
    xy += from_x * from_y * scale;
  }
  void add(const Pairs& other) {
    if (other.count == 0) return;
    if (count > 0) {
      const double scale = count * other.count / (count + other.count);
      const double by_x = x / count - other.x / other.count;
      const double by_y = y / count - other.y / other.count;
      xx += by_x * by_x * scale;
      yy += by_y * by_y * scale;
      xy += by_x * by_y * scale;
    }
    for (const auto part :
         {&Pairs::count, &Pairs::x, &Pairs::y, &Pairs::xx, &Pairs::yy, &Pairs::xy})
      this->*part += other.*part;
  }
  void encode(std::string& out) const {
    for (const double part : {count, x, y, xx, yy, xy}) put(out, part);
  }
  void decode(const AggregateInstance&, ByteReader& in) {
    for (double* part : {&count, &x, &y, &xx, &yy, &xy}) *part = take<double>(in);
  }
};

// The result of an aggregate; nullopt is a null.
using Statistic = std::optional<double>;
template <Statistic (*kCompute)(const Pairs&)>
struct OfPairs : Pairs {
  void merge(const AggregateInstance&, const OfPairs& other) { add(other); }
  void result(const AggregateInstance&, Column& out) const {
    const Statistic statistic = count > 0 ? kCompute(*this) : std::nullopt;
    if (statistic)
      out.append(*statistic);
    else
      out.append_null();
  }
};
struct PairCount : Pairs {
  void merge(const AggregateInstance&, const PairCount& other) { add(other); }
  void result(const AggregateInstance&, Column& out) const {
    out.append(static_cast<int64_t>(count));
  }
};

Statistic corr(const Pairs& of) {
  if (of.xx == 0 || of.yy == 0) return std::nullopt;
  return of.xy / std::sqrt(of.xx * of.yy);
}
Statistic covar_pop(const Pairs& of) { return of.xy / of.count; }
Statistic covar_samp(const Pairs& of) {
  return of.count < 2 ? std::nullopt : Statistic(of.xy / (of.count - 1));
}
Statistic regr_avgx(const Pairs& of) { return of.x / of.count; }
Statistic regr_avgy(const Pairs& of) { return of.y / of.count; }
Statistic regr_slope(const Pairs& of) {
  return of.xx == 0 ? std::nullopt : Statistic(of.xy / of.xx);
}
Statistic regr_intercept(const Pairs& of) {
  return of.xx == 0 ? std::nullopt : Statistic((of.y - of.x * of.xy / of.xx) / of.count);
}
Statistic regr_r2(const Pairs& of) {
  if (of.xx == 0) return std::nullopt;
  return of.yy == 0 ? 1.0 : of.xy * of.xy / (of.xx * of.yy);
}
Statistic regr_sxx(const Pairs& of) { return of.xx; }
Statistic regr_sxy(const Pairs& of) { return of.xy; }
Statistic regr_syy(const Pairs& of) { return of.yy; }

// ---- The table ----

template <class State>
constexpr AggregateDef row(std::string_view name, std::string_view signature,
                           std::string_view doc) {
  return {.name = name, .signature = signature, .doc = doc, .accumulator = accumulator_of<State>()};
}

constexpr std::string_view
    kAll = "Whether all values are true; null without values.",
    kSample = "The variance of a sample, as in PostgreSQL; null for fewer than two values.";

constexpr std::string_view kBitsAnd = "The bits that are set in all values; null without values.";
constexpr std::string_view kBitsOr =
    "The bits that are set in at least one value; null without values.";
constexpr std::string_view kBitsXor =
    "The bits that are set in an odd number of values; null without values.";

constexpr AggregateDef kPostgresAggregateDefs[] = {
    row<JoinedText>("STRING_AGG", "(STRING val, STRING separator) -> STRING",
                    "All texts in their order of arrival, joined with the separator; null without "
                    "values."),
    row<Gathered>("ARRAY_AGG", "(T val) -> ARRAY<T>",
                  "All values including nulls, in their order of arrival; null without values."),
    row<Bits<int32_t, And>>("BIT_AND", "(INT val) -> INT", kBitsAnd),
    row<Bits<int64_t, And>>("BIT_AND", "(BIGINT val) -> BIGINT", kBitsAnd),
    row<Bits<int32_t, Or>>("BIT_OR", "(INT val) -> INT", kBitsOr),
    row<Bits<int64_t, Or>>("BIT_OR", "(BIGINT val) -> BIGINT", kBitsOr),
    row<Bits<int32_t, Xor>>("BIT_XOR", "(INT val) -> INT", kBitsXor),
    row<Bits<int64_t, Xor>>("BIT_XOR", "(BIGINT val) -> BIGINT", kBitsXor),
    row<AllTrue>("BOOL_AND", "(BOOLEAN val) -> BOOLEAN", kAll),
    row<AllTrue>("EVERY", "(BOOLEAN val) -> BOOLEAN", kAll),
    row<AnyTrue>("BOOL_OR", "(BOOLEAN val) -> BOOLEAN",
                 "Whether any value is true; null without values."),
    row<Spread<true, false>>("VARIANCE", "(DOUBLE val) -> DOUBLE", kSample),
    row<Spread<true, false>>("VAR_SAMP", "(DOUBLE val) -> DOUBLE", kSample),
    row<Spread<false, false>>("VAR_POP", "(DOUBLE val) -> DOUBLE",
                              "The variance of all values; null without values."),
    row<Spread<true, true>>("STDDEV", "(DOUBLE val) -> DOUBLE",
                            "The standard deviation of a sample, as in PostgreSQL; null for fewer "
                            "than two values."),
    row<Spread<true, true>>("pg_catalog.stddev_samp", "(DOUBLE val) -> DOUBLE",
                            "Over tables: the standard deviation of a sample; null for fewer than "
                            "two values."),
    row<Spread<false, true>>("STDDEV_POP", "(DOUBLE val) -> DOUBLE",
                             "The standard deviation of all values; null without values."),
    row<OfPairs<corr>>("CORR", "(DOUBLE y, DOUBLE x) -> DOUBLE",
                       "The correlation of y and x, as in PostgreSQL; null if it is not defined."),
    row<OfPairs<covar_pop>>(
        "COVAR_POP", "(DOUBLE y, DOUBLE x) -> DOUBLE",
        "The covariance of all pairs in which neither value is null; null without such pairs."),
    row<OfPairs<covar_samp>>("COVAR_SAMP", "(DOUBLE y, DOUBLE x) -> DOUBLE",
                             "The covariance of a sample; null for fewer than two pairs."),
    row<OfPairs<regr_avgx>>(
        "REGR_AVGX", "(DOUBLE y, DOUBLE x) -> DOUBLE",
        "The mean of x over the pairs in which neither value is null; null without such pairs."),
    row<OfPairs<regr_avgy>>(
        "REGR_AVGY", "(DOUBLE y, DOUBLE x) -> DOUBLE",
        "The mean of y over the pairs in which neither value is null; null without such pairs."),
    row<OfPairs<regr_intercept>>(
        "REGR_INTERCEPT", "(DOUBLE y, DOUBLE x) -> DOUBLE",
        "The value at x = 0 of the line of least squares through the pairs."),
    row<OfPairs<regr_r2>>("REGR_R2", "(DOUBLE y, DOUBLE x) -> DOUBLE",
                          "The square of the correlation."),
    row<OfPairs<regr_slope>>("REGR_SLOPE", "(DOUBLE y, DOUBLE x) -> DOUBLE",
                             "The slope of the line of least squares through the pairs."),
    row<OfPairs<regr_sxx>>("REGR_SXX", "(DOUBLE y, DOUBLE x) -> DOUBLE",
                           "The sum of the squares of the differences between x and its mean."),
    row<OfPairs<regr_sxy>>("REGR_SXY", "(DOUBLE y, DOUBLE x) -> DOUBLE",
                           "The sum of the products of two differences: between x and its mean, "
                           "and between y and its mean."),
    row<OfPairs<regr_syy>>("REGR_SYY", "(DOUBLE y, DOUBLE x) -> DOUBLE",
                           "The sum of the squares of the differences between y and its mean."),
    row<PairCount>("REGR_COUNT", "(DOUBLE y, DOUBLE x) -> BIGINT",
                   "The number of pairs in which neither value is null."),
};

}  // namespace

const FunctionFamily kPostgresAggregates{"AGGREGATE", {}, kPostgresAggregateDefs};

}  // namespace engine
