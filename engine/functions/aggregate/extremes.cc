// Implements MIN, MAX, TOPK and TOPKDISTINCT.
#include <algorithm>
#include <optional>

#include "engine/functions/aggregate/accumulator.h"
#include "engine/functions/families.h"
#include "engine/functions/ordering.h"
#include "engine/types/postgres_type_name.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

// A type that stores a copy of a value of type T. The copy stays valid after the batch with the
// value was deleted.
template <class T>
struct Kept {
  using Type = T;
};
template <>
struct Kept<std::string_view> {
  using Type = std::string;
};
template <class T>
using KeptType = typename Kept<T>::Type;

template <class T>
void append_kept(const T& value, Column& out) {
  if constexpr (std::is_same_v<T, std::string>)
    out.append_copy(value);
  else
    out.append(value);
}

struct NaturalOrder {
  template <class T>
  static bool less(T a, T b) {
    return a < b;
  }
};
struct DoubleOrder {
  static bool less(double a, double b) { return compare_doubles(a, b) < 0; }
};
struct StringOrder {
  static bool less(std::string_view a, std::string_view b) { return compare_utf16(a, b) < 0; }
};
struct BytesOrder {
  static bool less(std::string_view a, std::string_view b) {
    return compare_signed_bytes(a, b) < 0;
  }
};

// ---- MIN, MAX ----

enum class ExtremeEnd : uint8_t { Smallest, Largest };

template <class T, class Order, ExtremeEnd end>
struct ExtremeState {
  KeptType<T> best{};
  bool any = false;

  void consider(T value) {
    const bool is_better =
        end == ExtremeEnd::Smallest ? Order::less(value, T(best)) : Order::less(T(best), value);
    if (any && !is_better) return;
    best = value;
    any = true;
  }
  void update(const AggregateInstance&, AggregateColumns args, size_t extreme_row) {
    if (!args[0]->is_null(extreme_row)) consider(args[0]->data<T>()[extreme_row]);
  }
  void merge(const AggregateInstance&, const ExtremeState& other) {
    if (other.any) consider(other.best);
  }
  void result(const AggregateInstance&, Column& out) const {
    any ? append_kept(best, out) : out.append_null();
  }
  void encode(std::string& out) const {
    if (any) put(out, best);
  }
  void decode(const AggregateInstance&, ByteReader& in) {
    any = !in.at_end();
    if (any) best = take<KeptType<T>>(in);
  }
};

// ---- MIN, MAX as in PostgreSQL: for every ordered type, including arrays; the result has that type ----

template <ExtremeEnd end>
struct ExtremeOfAny {
  std::optional<Column> best;

  void consider(const Column& column, size_t extreme_row) {
    if (column.is_null(extreme_row)) return;
    if (best) {
      const auto order = compare_as_postgres(column, extreme_row, *best, 0);
      if (end == ExtremeEnd::Smallest ? order >= 0 : order <= 0) return;
    }
    if (best && !holds_strings(column.type()))
      best->clear();
    else
      best.emplace(column.type());  // a new column frees the memory of old texts
    best->append_from(column, extreme_row);
  }
  void update(const AggregateInstance&, AggregateColumns args, size_t extreme_row) {
    consider(*args[0], extreme_row);
  }
  void merge(const AggregateInstance&, const ExtremeOfAny& other) {
    if (other.best) consider(*other.best, 0);
  }
  void result(const AggregateInstance&, Column& out) const {
    best ? out.append_from(*best, 0) : out.append_null();
  }
  void encode(std::string& out) const {
    if (best) put(out, std::string_view(canonical_cell(*best, 0)));
  }
  void decode(const AggregateInstance& instance, ByteReader& in) {
    best.reset();
    if (in.at_end()) return;
    best.emplace(instance.argument_types[0]);
    append_value_of(take_cell(instance.argument_types[0], in), *best);
  }
};

Status check_ordered(const AggregateInstance& instance) {
  const SqlType& type = instance.argument_types[0];
  if (type.kind() != TypeKind::Boolean) return {};
  return Error{ErrorCode::UndefinedFunction,
               "function " +
                   std::string(instance.def->name.substr(instance.def->name.find('.') + 1)) + "(" +
                   postgres_type_name(type) + ") does not exist"};
}

// Returns the type of the result, which is text for texts with a length.
Result<SqlType> type_of_extreme(std::span<const SqlType> arguments) {
  const SqlType& type = arguments[0];
  const bool is_text = type.label() == label::kVarchar || type.label() == label::kName ||
                       type.label() == label::kChar;
  return is_text ? type.labelled(label::kNone) : type;
}

// ---- TOPK ----

int32_t wanted_extremes(const AggregateInstance& instance) {
  return instance.initial_arguments[0].as_int32();
}

enum class Repeats : uint8_t { Keep, Drop };

template <class T, class Order, Repeats repeats = Repeats::Keep>
struct Top {
  std::vector<KeptType<T>> values;  // the largest first; of equal values, the oldest first

  void add(const AggregateInstance& instance, T value) {
    const auto at =
        std::ranges::find_if(values, [&](const auto& kept) { return Order::less(T(kept), value); });
    const bool is_repeated = at != values.begin() && !Order::less(value, T(*std::prev(at)));
    if (repeats == Repeats::Drop && is_repeated) return;
    values.insert(at, KeptType<T>(value));
    if (std::ssize(values) > wanted_extremes(instance)) values.pop_back();
  }
  void update(const AggregateInstance& instance, AggregateColumns args, size_t extreme_row) {
    if (!args[0]->is_null(extreme_row)) add(instance, args[0]->data<T>()[extreme_row]);
  }
  void merge(const AggregateInstance& instance, const Top& other) {
    for (const auto& value : other.values) add(instance, T(value));
  }
  void result(const AggregateInstance&, Column& out) const {
    for (const auto& value : values) append_kept(value, out.child(0));
    out.close_list();
  }
  void encode(std::string& out) const {
    for (const auto& value : values) put(out, value);
  }
  void decode(const AggregateInstance&, ByteReader& in) {
    while (in.ok() && !in.at_end()) values.push_back(take<KeptType<T>>(in));
  }
};

// TOPK with additional columns. Each result is a STRUCT of the sorted value and the values of the other columns.
template <class T, class Order>
struct TopRows {
  struct Row {
    KeptType<T> sorted_by;
    std::string others;  // values of all other columns in the row codec
  };
  std::vector<Row> rows;

  void add(const AggregateInstance& instance, Row extreme_row) {
    const auto at = std::ranges::find_if(rows, [&](const Row& kept) {
      return Order::less(T(kept.sorted_by), T(extreme_row.sorted_by));
    });
    if (at == rows.end() && std::ssize(rows) >= wanted_extremes(instance)) return;
    rows.insert(at, std::move(extreme_row));
    if (std::ssize(rows) > wanted_extremes(instance)) rows.pop_back();
  }
  void update(const AggregateInstance& instance, AggregateColumns args, size_t extreme_row) {
    if (args[0]->is_null(extreme_row)) return;
    Row added{KeptType<T>(args[0]->data<T>()[extreme_row]), {}};
    encode_row(args.subspan(1), extreme_row, added.others);
    add(instance, std::move(added));
  }
  void merge(const AggregateInstance& instance, const TopRows& other) {
    for (const Row& extreme_row : other.rows) add(instance, extreme_row);
  }
  void result(const AggregateInstance&, Column& out) const {
    Column& items = out.child(0);
    std::vector<Column*> others;
    for (size_t i = 1; i < items.child_count(); ++i) others.push_back(&items.child(i));
    for (const Row& extreme_row : rows) {
      append_kept(extreme_row.sorted_by, items.child(0));
      [[maybe_unused]] const Status read = decode_row(extreme_row.others, others, RowStrings::Copy);
      assert(read);  // decode() has validated the bytes
      items.close_struct();
    }
    out.close_list();
  }
  void encode(std::string& out) const {
    for (const Row& extreme_row : rows) {
      put(out, extreme_row.sorted_by);
      put(out, std::string_view(extreme_row.others));
    }
  }
  void decode(const AggregateInstance& instance, ByteReader& in) {
    while (in.ok() && !in.at_end()) {
      Row extreme_row{take<KeptType<T>>(in), take<std::string>(in)};
      if (!is_row(instance, extreme_row.others)) in.bytes(in.rest().size() + 1);
      rows.push_back(std::move(extreme_row));
    }
  }
  static bool is_row(const AggregateInstance& instance, std::string_view bytes) {
    std::vector<std::unique_ptr<Column>> columns;
    std::vector<Column*> parts;
    for (size_t i = 1; i < instance.argument_types.size(); ++i) {
      columns.push_back(std::make_unique<Column>(instance.argument_types[i]));
      parts.push_back(columns.back().get());
    }
    return decode_row(bytes, parts, RowStrings::View).has_value();
  }
};

Status check_wanted_count(const AggregateInstance& instance) {
  if (instance.initial_arguments.empty()) return {};  // MIN and MAX have no further arguments
  if (!instance.initial_arguments[0].is_null() && wanted_extremes(instance) >= 1) return {};
  return Error{ErrorCode::InvalidParameter, "k must be 1 or greater"};
}

// ---- The table ----

template <class State>
constexpr AggregateDef extreme_row(std::string_view name, std::string_view signature,
                                   std::string_view doc) {
  return {.name = name,
          .signature = signature,
          .doc = doc,
          .accumulator = accumulator_of<State>(),
          .check = check_wanted_count};
}

constexpr std::string_view kMin = "The smallest value.", kMax = "The largest value.",
                           kTop = "The k largest values, the largest first.",
                           kTopRows =
                               "The k rows with the largest values in the first column, with the "
                               "other columns, as structs.",
                           kTopDistinct = "The k largest different values, the largest first.";

template <class T, class Order = NaturalOrder>
using Min = ExtremeState<T, Order, ExtremeEnd::Smallest>;
template <class T, class Order = NaturalOrder>
using Max = ExtremeState<T, Order, ExtremeEnd::Largest>;
template <class T, class Order = NaturalOrder>
using TopDistinct = Top<T, Order, Repeats::Drop>;

template <ExtremeEnd end>
constexpr AggregateDef row_of_any(std::string_view name, std::string_view signature,
                                  std::string_view doc) {
  return {.name = name,
          .signature = signature,
          .doc = doc,
          .accumulator = accumulator_of<ExtremeOfAny<end>>(),
          .returns = type_of_extreme,
          .check = check_ordered};
}
constexpr std::string_view kMinOfAny = "Over tables: the smallest value.",
                           kMaxOfAny = "Over tables: the largest value.";

using Text = std::string_view;

// Defines TOPK with additional columns for one ordered type. `columns` are the additional parameters, and `fields`
// their fields in the struct.
#define TOP_ROW(Type, Order, type, columns, fields)                                          \
  extreme_row<TopRows<Type, Order>>(                                                         \
      "TOPK", "(" type " val" columns "; INT k) -> ARRAY<STRUCT<sort_col " type fields ">>", \
      kTopRows)
#define TOP_ROWS(columns, fields)                                \
  TOP_ROW(int32_t, NaturalOrder, "INT", columns, fields),        \
      TOP_ROW(int64_t, NaturalOrder, "BIGINT", columns, fields), \
      TOP_ROW(double, DoubleOrder, "DOUBLE", columns, fields),   \
      TOP_ROW(Text, StringOrder, "STRING", columns, fields)

constexpr AggregateDef kExtremeDefs[] = {
    extreme_row<Min<int32_t>>("MIN", "(INT val) -> INT", kMin),
    extreme_row<Min<int64_t>>("MIN", "(BIGINT val) -> BIGINT", kMin),
    extreme_row<Min<double, DoubleOrder>>("MIN", "(DOUBLE val) -> DOUBLE", kMin),
    extreme_row<Min<Int128>>("MIN", "(DECIMAL val) -> DECIMAL", kMin),
    extreme_row<Min<int32_t>>("MIN", "(DATE val) -> DATE", kMin),
    extreme_row<Min<int32_t>>("MIN", "(TIME val) -> TIME", kMin),
    extreme_row<Min<int64_t>>("MIN", "(TIMESTAMP val) -> TIMESTAMP", kMin),
    extreme_row<Min<Text, StringOrder>>("MIN", "(STRING val) -> STRING", kMin),
    extreme_row<Min<Text, BytesOrder>>("MIN", "(BYTES val) -> BYTES", kMin),
    extreme_row<Max<int32_t>>("MAX", "(INT val) -> INT", kMax),
    extreme_row<Max<int64_t>>("MAX", "(BIGINT val) -> BIGINT", kMax),
    extreme_row<Max<double, DoubleOrder>>("MAX", "(DOUBLE val) -> DOUBLE", kMax),
    extreme_row<Max<Int128>>("MAX", "(DECIMAL val) -> DECIMAL", kMax),
    extreme_row<Max<int32_t>>("MAX", "(DATE val) -> DATE", kMax),
    extreme_row<Max<int32_t>>("MAX", "(TIME val) -> TIME", kMax),
    extreme_row<Max<int64_t>>("MAX", "(TIMESTAMP val) -> TIMESTAMP", kMax),
    extreme_row<Max<Text, StringOrder>>("MAX", "(STRING val) -> STRING", kMax),
    extreme_row<Max<Text, BytesOrder>>("MAX", "(BYTES val) -> BYTES", kMax),
    row_of_any<ExtremeEnd::Smallest>("pg_catalog.min", "(COMPARABLE val) -> COMPARABLE", kMinOfAny),
    row_of_any<ExtremeEnd::Smallest>("pg_catalog.min", "(ARRAY<T> val) -> ARRAY<T>", kMinOfAny),
    row_of_any<ExtremeEnd::Largest>("pg_catalog.max", "(COMPARABLE val) -> COMPARABLE", kMaxOfAny),
    row_of_any<ExtremeEnd::Largest>("pg_catalog.max", "(ARRAY<T> val) -> ARRAY<T>", kMaxOfAny),

    extreme_row<Top<int32_t, NaturalOrder>>("TOPK", "(INT val; INT k) -> ARRAY<INT>", kTop),
    extreme_row<Top<int64_t, NaturalOrder>>("TOPK", "(BIGINT val; INT k) -> ARRAY<BIGINT>", kTop),
    extreme_row<Top<double, DoubleOrder>>("TOPK", "(DOUBLE val; INT k) -> ARRAY<DOUBLE>", kTop),
    extreme_row<Top<Text, StringOrder>>("TOPK", "(STRING val; INT k) -> ARRAY<STRING>", kTop),
    TOP_ROWS(", A col0", ", col0 A"),
    TOP_ROWS(", A col0, B col1", ", col0 A, col1 B"),
    TOP_ROWS(", A col0, B col1, C col2", ", col0 A, col1 B, col2 C"),
    TOP_ROWS(", A col0, B col1, C col2, D col3", ", col0 A, col1 B, col2 C, col3 D"),
    TOP_ROWS(", A col0, B col1, C col2, D col3, E col4",
             ", col0 A, col1 B, col2 C, col3 D, col4 E"),
    TOP_ROWS(", A col0, B col1, C col2, D col3, E col4, F col5",
             ", col0 A, col1 B, col2 C, col3 D, col4 E, col5 F"),

    extreme_row<TopDistinct<int32_t>>("TOPKDISTINCT", "(INT val; INT k) -> ARRAY<INT>",
                                      kTopDistinct),
    extreme_row<TopDistinct<int64_t>>("TOPKDISTINCT", "(BIGINT val; INT k) -> ARRAY<BIGINT>",
                                      kTopDistinct),
    extreme_row<TopDistinct<double, DoubleOrder>>(
        "TOPKDISTINCT", "(DOUBLE val; INT k) -> ARRAY<DOUBLE>", kTopDistinct),
    extreme_row<TopDistinct<Int128>>("TOPKDISTINCT", "(DECIMAL val; INT k) -> ARRAY<DECIMAL>",
                                     kTopDistinct),
    extreme_row<TopDistinct<int32_t>>("TOPKDISTINCT", "(DATE val; INT k) -> ARRAY<DATE>",
                                      kTopDistinct),
    extreme_row<TopDistinct<int32_t>>("TOPKDISTINCT", "(TIME val; INT k) -> ARRAY<TIME>",
                                      kTopDistinct),
    extreme_row<TopDistinct<int64_t>>("TOPKDISTINCT", "(TIMESTAMP val; INT k) -> ARRAY<TIMESTAMP>",
                                      kTopDistinct),
    extreme_row<TopDistinct<Text, StringOrder>>(
        "TOPKDISTINCT", "(STRING val; INT k) -> ARRAY<STRING>", kTopDistinct),
    extreme_row<TopDistinct<Text, BytesOrder>>("TOPKDISTINCT", "(BYTES val; INT k) -> ARRAY<BYTES>",
                                               kTopDistinct),
};

}  // namespace

const FunctionFamily kExtremeAggregates{"AGGREGATE", {}, kExtremeDefs};

}  // namespace engine
