#include "engine/functions/aggregate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/functions/registry.h"
#include "engine/types/text_number.h"

using namespace engine;

namespace {

const SqlType kInt(TypeKind::Integer), kBigint(TypeKind::Bigint), kDouble(TypeKind::Double),
    kString(TypeKind::String), kBytes(TypeKind::Bytes), kBoolean(TypeKind::Boolean);

Value i(int32_t value) { return Value::integer(value); }
Value l(int64_t value) { return Value::bigint(value); }
Value d(double value) { return Value::number(value); }
Value s(std::string value) { return Value::text(std::move(value)); }
Value list(ValueList items) { return Value::list(std::move(items)); }
const Value kNone;

using Row = std::vector<Value>;

// An aggregate call whose states the test can keep as values.
class Aggregate {
 public:
  Aggregate(std::string_view name, std::vector<SqlType> columns, ValueList literals = {},
            std::map<std::string, std::string> properties = {})
      : columns_(std::move(columns)) {
    std::vector<ArgumentType> arguments;
    for (const SqlType& type : columns_) arguments.push_back({.type = type});
    for (const Value& literal : literals)
      arguments.push_back(
          {.type = std::holds_alternative<bool>(literal.payload()) ? kBoolean : kInt,
           .is_literal = true});
    const auto resolution = Registry::instance().resolve(name, arguments);
    EXPECT_TRUE(resolution) << resolution.error().message;
    made_ = make_aggregate(*resolution, std::move(literals), std::move(properties));
  }
  const Result<AggregateInstance>& made() const { return made_; }
  const AggregateInstance& instance() const { return *made_; }
  const Accumulator& functions() const { return made_->def->accumulator; }

  class State {
   public:
    explicit State(const Aggregate& aggregate) : aggregate_(&aggregate) {
      memory_ = ::operator new (functions().state_size, std::align_val_t{16});
      functions().init(aggregate.instance(), memory_);
    }
    State(const State&) = delete;
    ~State() {
      if (functions().destroy != nullptr) functions().destroy(aggregate_->instance(), memory_);
      ::operator delete (memory_, std::align_val_t{16});
    }
    Status update(const Row& row) {
      return with_columns(row, [&](AggregateColumns columns) {
        return functions().update(aggregate_->instance(), memory_, columns, 0);
      });
    }
    Status undo(const Row& row) {
      return with_columns(row, [&](AggregateColumns columns) {
        return functions().undo(aggregate_->instance(), memory_, columns, 0);
      });
    }
    Status merge(const State& other) {
      return functions().merge(aggregate_->instance(), memory_, other.memory_);
    }
    Value result() const {
      Column out(aggregate_->instance().result_type);
      functions().result(aggregate_->instance(), memory_, out);
      EXPECT_EQ(out.size(), 1U);
      return out.value_at(0);
    }
    std::string encoded() const {
      std::string bytes;
      functions().encode(aggregate_->instance(), memory_, bytes);
      return bytes;
    }
    Status decode(std::string_view bytes) {
      return functions().decode(aggregate_->instance(), memory_, bytes);
    }

   private:
    const Accumulator& functions() const { return aggregate_->functions(); }
    Status with_columns(const Row& row, auto&& act) {
      std::vector<Column> columns;
      for (size_t i = 0; i < row.size(); ++i) {
        columns.emplace_back(aggregate_->columns_[i]);
        columns.back().append_value(row[i]);
      }
      std::vector<const Column*> pointers;
      for (const Column& column : columns) pointers.push_back(&column);
      return act(pointers);
    }
    const Aggregate* aggregate_;
    void* memory_;
  };

  Value of(const std::vector<Row>& rows) const {
    State state(*this);
    for (const Row& row : rows) EXPECT_TRUE(state.update(row));
    return state.result();
  }

 private:
  std::vector<SqlType> columns_;
  Result<AggregateInstance> made_{Error{ErrorCode::Internal, "not made"}};
};

std::vector<Row> column(ValueList values) {
  std::vector<Row> rows;
  for (Value& value : values) rows.push_back({std::move(value)});
  return rows;
}

Value random_value(const SqlType& type, std::mt19937& random) {
  const int n = static_cast<int>(random() % 12);
  if (n == 0) return {};
  switch (type.kind()) {
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return i(n - 6);
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return l((n - 6) * 1'000'000'007LL);
    case TypeKind::Double:
      return d((n - 6) * 0.5);  // sums of halves are exact in any order
    case TypeKind::Decimal:
      return Value::decimal(n - 6, type.scale());
    case TypeKind::Boolean:
      return Value::boolean(n % 2 == 0);
    case TypeKind::String:
    case TypeKind::Bytes:
      return s(std::string(static_cast<size_t>(n) * 3, static_cast<char>('a' + n)));
    case TypeKind::Array:
      return list({random_value(type.element(), random), random_value(type.element(), random)});
    case TypeKind::Map: {
      Value a = random_value(type.value(), random), b = random_value(type.value(), random);
      return Value::map(n % 2 == 0 ? ValueMap{{s("a"), a}, {s("b"), b}}
                                   : ValueMap{{s("b"), b}, {s("a"), a}});
    }
    case TypeKind::Struct: {
      ValueList fields;
      for (const Field& field : type.fields()) fields.push_back(random_value(field.type, random));
      return list(std::move(fields));
    }
    case TypeKind::Null:
      break;
  }
  return {};
}

std::vector<Row> random_rows(const std::vector<SqlType>& columns, size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<Row> rows(count);
  for (Row& row : rows)
    for (const SqlType& type : columns) row.push_back(random_value(type, random));
  return rows;
}

struct Call {
  std::string name;
  std::vector<SqlType> columns;
  ValueList literals = {};
};

std::vector<Call> all_calls() {
  std::vector<Call> calls;
  const SqlType decimal = SqlType::decimal(9, 2);
  const SqlType nested =
      SqlType::array(SqlType::structure({{"A", kString}, {"M", SqlType::map(kString, kDouble)}}));
  calls.push_back({"COUNT", {}});
  for (const SqlType& type : {kInt, kBigint, kDouble}) {
    for (const char* name : {"SUM", "AVG", "STDDEV_SAMP", "STDDEV_SAMPLE"})
      calls.push_back({name, {type}});
    calls.push_back({"SUM_LIST", {SqlType::array(type)}});
    calls.push_back({"CORRELATION", {type, type}});
  }
  calls.push_back({"SUM", {decimal}});
  for (const SqlType& type :
       {kInt, kBigint, kDouble, kString, kBytes, decimal, SqlType(TypeKind::Date),
        SqlType(TypeKind::Time), SqlType(TypeKind::Timestamp)}) {
    calls.push_back({"MIN", {type}});
    calls.push_back({"MAX", {type}});
    calls.push_back({"TOPKDISTINCT", {type}, {i(3)}});
  }
  for (const SqlType& type : {kInt, kBigint, kDouble, kString}) {
    calls.push_back({"TOPK", {type}, {i(3)}});
    calls.push_back({"TOPK", {type, kString}, {i(3)}});
    calls.push_back({"TOPK", {type, kInt, nested}, {i(2)}});
    calls.push_back({"TOPK", {type, kInt, nested, kString, kInt, kInt, kString}, {i(2)}});
  }
  for (const SqlType& type : {kBoolean, kInt, kDouble, kString, decimal, nested}) {
    for (const char* name : {"COUNT", "COLLECT_LIST", "COLLECT_SET", "ATTR", "COUNT_DISTINCT"})
      calls.push_back({name, {type}});
    for (const char* name : {"EARLIEST_BY_OFFSET", "LATEST_BY_OFFSET"}) {
      calls.push_back({name, {type}});
      calls.push_back({name, {type}, {Value::boolean(false)}});
      calls.push_back({name, {type}, {i(3)}});
      calls.push_back({name, {type}, {i(3), Value::boolean(false)}});
    }
  }
  calls.push_back({"HISTOGRAM", {kString}});
  return calls;
}

// Returns whether two doubles are equal except for the order of additions.
bool nearly(const Value& a, const Value& b) {
  const bool are_doubles = std::holds_alternative<double>(a.payload()) &&
                           std::holds_alternative<double>(b.payload()) &&
                           !std::isnan(a.as_double());
  return are_doubles
             ? std::abs(a.as_double() - b.as_double()) <= 1e-6 * std::abs(b.as_double()) + 1e-4
             : a == b;
}

}  // namespace

TEST(Aggregates, keep_only_the_settings_they_use) {
  const Aggregate sum(
      "SUM", {kInt}, {},
      {{"my.own", "long"}, {"sum.overflow", "wrap"}, {"ksql.functions.collect_list.limit", "5"}});
  const std::map<std::string, std::string> kept = {{"ksql.functions.collect_list.limit", "5"},
                                                   {"sum.overflow", "wrap"}};
  EXPECT_EQ(sum.instance().properties, kept);
}

TEST(Aggregates, states_survive_encoding) {
  for (const Call& call : all_calls()) {
    const Aggregate aggregate(call.name, call.columns, call.literals);
    for (const size_t count : {0U, 1U, 40U}) {
      Aggregate::State state(aggregate), copy(aggregate);
      for (const Row& row : random_rows(call.columns, count, 7)) ASSERT_TRUE(state.update(row));
      ASSERT_TRUE(copy.decode(state.encoded())) << call.name;
      EXPECT_EQ(copy.result(), state.result()) << call.name;
      EXPECT_EQ(copy.encoded(), state.encoded()) << call.name;
      for (const Row& row : random_rows(call.columns, 5, 8)) {
        ASSERT_TRUE(state.update(row));
        ASSERT_TRUE(copy.update(row));
      }
      EXPECT_EQ(copy.result(), state.result()) << call.name;
    }
  }
}

TEST(Aggregates, damaged_states_are_refused) {
  for (const Call& call : all_calls()) {
    const Aggregate aggregate(call.name, call.columns, call.literals);
    Aggregate::State state(aggregate);
    for (const Row& row : random_rows(call.columns, 9, 3)) ASSERT_TRUE(state.update(row));
    const std::string bytes = state.encoded();
    std::mt19937 random(5);
    for (int round = 0; round < 50; ++round) {
      std::string damaged = bytes.substr(0, random() % (bytes.size() + 1));
      if (!damaged.empty()) damaged[random() % damaged.size()] = static_cast<char>(random());
      Aggregate::State copy(aggregate);
      if (copy.decode(damaged)) (void)copy.result();  // both outcomes are allowed, but not a crash
    }
  }
}

TEST(Aggregates, undo_takes_back_any_update) {
  for (const Call& call : all_calls()) {
    const Aggregate aggregate(call.name, call.columns, call.literals);
    if (!aggregate.instance().def->has_undo()) continue;
    const auto kept = random_rows(call.columns, 20, 1), undone = random_rows(call.columns, 20, 2);
    Aggregate::State state(aggregate);
    for (const Row& row : kept) ASSERT_TRUE(state.update(row));
    for (const Row& row : undone) ASSERT_TRUE(state.update(row));
    for (const Row& row : undone) ASSERT_TRUE(state.undo(row));
    // undo removes the last equal item and moves the items after it
    if (call.name == "COLLECT_LIST") {
      EXPECT_EQ(state.result().as_list().size(), 20U);
      continue;
    }
    EXPECT_TRUE(nearly(state.result(), aggregate.of(kept))) << call.name;
  }
}

TEST(Aggregates, merging_two_states_equals_one_that_saw_all) {
  for (const Call& call : all_calls()) {
    const Aggregate aggregate(call.name, call.columns, call.literals);
    const auto rows = random_rows(call.columns, 40, 11);
    for (const size_t cut : {0U, 1U, 25U, 40U}) {
      Aggregate::State first(aggregate), second(aggregate);
      for (size_t row = 0; row < rows.size(); ++row)
        ASSERT_TRUE((row < cut ? first : second).update(rows[row]));
      ASSERT_TRUE(first.merge(second));
      EXPECT_TRUE(nearly(first.result(), aggregate.of(rows))) << call.name << " cut at " << cut;
    }
  }
}

TEST(Aggregates, sums_equal_a_naive_recomputation) {
  const auto rows = random_rows({kInt}, 100, 4);
  int32_t sum = 0;
  int64_t count = 0;
  for (const Row& row : rows) {
    if (row[0].is_null()) continue;
    sum += row[0].as_int32();
    ++count;
  }
  EXPECT_EQ(Aggregate("SUM", {kInt}).of(rows), i(sum));
  EXPECT_EQ(Aggregate("COUNT", {kInt}).of(rows), l(count));
  EXPECT_EQ(Aggregate("AVG", {kInt}).of(rows),
            d(static_cast<double>(sum) / static_cast<double>(count)));
}

TEST(Aggregates, empty_groups_have_the_values_of_ksqldb) {
  EXPECT_EQ(Aggregate("COUNT", {}).of({}), l(0));
  EXPECT_EQ(Aggregate("SUM", {kBigint}).of(column({kNone})), l(0));
  EXPECT_EQ(Aggregate("AVG", {kInt}).of(column({kNone})), d(0));
  EXPECT_EQ(Aggregate("MIN", {kString}).of(column({kNone})), kNone);
  EXPECT_EQ(Aggregate("STDDEV_SAMP", {kInt}).of(column({i(3)})), d(0));
  EXPECT_EQ(Aggregate("LATEST_BY_OFFSET", {kInt}).of(column({kNone})), kNone);
  EXPECT_EQ(Aggregate("COLLECT_LIST", {kInt}).of({}), list({}));
}

// A sum that overflows is null, never a wrong number, and becomes valid again when values are
// removed.
TEST(Aggregates, a_sum_of_integers_that_does_not_fit_is_null) {
  EXPECT_EQ(Aggregate("SUM", {kInt}).of(column({i(INT32_MAX), i(1)})), kNone);
  EXPECT_EQ(Aggregate("SUM", {kInt}).of(column({i(INT32_MAX), i(1), i(-1)})), i(INT32_MAX));
  EXPECT_EQ(Aggregate("SUM", {kBigint}).of(column({l(INT64_MAX), l(1)})), kNone);
  EXPECT_EQ(Aggregate("SUM", {kBigint}).of(column({l(INT64_MIN), l(-1), l(1)})), l(INT64_MIN));
  EXPECT_EQ(Aggregate("AVG", {kInt}).of(column({i(INT32_MAX), i(INT32_MAX)})), d(INT32_MAX));
  for (const auto& [type, values] : {std::pair(kInt, ValueList{i(INT32_MAX), i(1)}),
                                     {kBigint, {l(INT64_MAX), l(INT64_MAX)}},
                                     {kBigint, {l(INT64_MIN), l(-5)}},
                                     {kBigint, {l(-7), l(3)}}}) {
    const Aggregate sum("SUM", {type});
    Aggregate::State state(sum), copy(sum);
    for (const Value& value : values) ASSERT_TRUE(state.update({value}));
    ASSERT_TRUE(copy.decode(state.encoded()));
    ASSERT_TRUE(state.undo({values.back()}));
    ASSERT_TRUE(copy.undo({values.back()}));
    EXPECT_EQ(state.result(), values.front());
    EXPECT_EQ(copy.result(), values.front());
  }
}

TEST(Aggregates, integers_wrap_where_the_query_was_made_so_and_decimals_overflow) {
  const std::map<std::string, std::string> wraps{{"sum.overflow", "wrap"}};
  EXPECT_EQ(Aggregate("SUM", {kInt}, {}, wraps).of(column({i(INT32_MAX), i(1)})), i(INT32_MIN));
  EXPECT_EQ(Aggregate("SUM", {kBigint}, {}, wraps).of(column({l(INT64_MAX), l(1)})), l(INT64_MIN));
  const SqlType type = SqlType::decimal(4, 1);
  EXPECT_EQ(Aggregate("SUM", {type}).of(column({Value::decimal(9999, 1), Value::decimal(1, 1)})),
            kNone);
  const Aggregate sum("SUM", {type}, {}, wraps);
  EXPECT_EQ(sum.instance().result_type, type);
  Aggregate::State state(sum);
  ASSERT_TRUE(state.update({Value::decimal(9999, 1)}));
  const Status overflow = state.update({Value::decimal(1, 1)});
  ASSERT_FALSE(overflow);
  EXPECT_TRUE(overflow.error().message.starts_with("Numeric field overflow"));
}

TEST(Aggregates, deviations_have_the_last_digits_of_ksqldb) {
  const auto rows = column({d(10), d(12), d(13), d(14), d(16)});
  EXPECT_EQ(Aggregate("STDDEV_SAMP", {kDouble}).of({rows.begin(), rows.begin() + 3}),
            d(2.333333333333333));
  EXPECT_EQ(Aggregate("STDDEV_SAMPLE", {kDouble}).of(rows), d(2.23606797749979));
  EXPECT_EQ(Aggregate("STDDEV_SAMP", {kDouble}).of(column({d(-1.8), d(2.3), d(100.2)})),
            d(3334.2033333333347));
  EXPECT_EQ(Aggregate("CORRELATION", {kDouble, kDouble})
                .of({{d(1.5), d(8)}, {d(-1), d(-2)}, {kNone, d(3)}, {d(-4.5), d(-1)}}),
            d(0.7580764521133173));
  EXPECT_TRUE(std::isnan(Aggregate("CORRELATION", {kInt, kInt}).of({{i(1), i(2)}}).as_double()));
}

TEST(Aggregates, texts_are_ordered_by_utf16_units) {
  const Value bmp = s("\xEF\xBF\xBD"), astral = s("\xF0\x9F\x98\x80");  // U+FFFD, U+1F600
  EXPECT_EQ(Aggregate("MAX", {kString}).of(column({astral, bmp})), bmp);
  EXPECT_EQ(Aggregate("MAX", {kBytes}).of(column({s("\x7F"), s("\x80")})), s("\x7F"));
}

TEST(Aggregates, topk_keeps_the_older_of_equal_values) {
  const Aggregate top("TOPK", {kInt, kString}, {i(2)});
  EXPECT_EQ(top.of({{i(5), s("a")}, {i(5), s("b")}, {i(5), s("c")}, {kNone, s("d")}}),
            list({list({i(5), s("a")}), list({i(5), s("b")})}));
  EXPECT_EQ(top.instance().result_type.to_string(),
            "ARRAY<STRUCT<`sort_col` INTEGER, `col0` STRING>>");
  EXPECT_EQ(Aggregate("TOPK", {kBigint}, {i(3)}).of(column({l(7), l(100), l(99), l(100)})),
            list({l(100), l(100), l(99)}));
  EXPECT_EQ(Aggregate("TOPKDISTINCT", {kString}, {i(2)}).of(column({s("a"), s("b"), s("b")})),
            list({s("b"), s("a")}));
}

TEST(Aggregates, by_offset_follows_the_order_of_processing) {
  const auto rows = column({kNone, i(12), kNone, i(13)});
  const Value no = Value::boolean(false);
  EXPECT_EQ(Aggregate("EARLIEST_BY_OFFSET", {kInt}).of(rows), i(12));
  EXPECT_EQ(Aggregate("EARLIEST_BY_OFFSET", {kInt}, {no}).of(rows), kNone);
  EXPECT_EQ(Aggregate("LATEST_BY_OFFSET", {kInt}, {i(3), no}).of(rows),
            list({i(12), kNone, i(13)}));
  EXPECT_EQ(Aggregate("EARLIEST_BY_OFFSET", {kInt}, {i(2)}).of(rows), list({i(12), i(13)}));
  const Aggregate none("LATEST_BY_OFFSET", {kInt}, {i(0)});
  ASSERT_FALSE(none.made());
  EXPECT_EQ(none.made().error().message, "latestN must be 1 or greater");
}

TEST(Aggregates, merged_sessions_agree_on_which_value_came_first) {
  const Aggregate earliest("EARLIEST_BY_OFFSET", {kInt}), latest("LATEST_BY_OFFSET", {kInt});
  for (const Aggregate* aggregate : {&earliest, &latest}) {
    Aggregate::State early_session(*aggregate), late_session(*aggregate);
    ASSERT_TRUE(late_session.update({i(1)}));
    ASSERT_TRUE(early_session.update({i(2)}));
    Aggregate::State restored(*aggregate);
    ASSERT_TRUE(restored.decode(early_session.encoded()));
    ASSERT_TRUE(restored.merge(late_session));
    EXPECT_EQ(restored.result(), aggregate == &earliest ? i(1) : i(2));
  }
}

TEST(Aggregates, a_restored_state_moves_the_sequence_on) {
  const Aggregate before("LATEST_BY_OFFSET", {kInt}), after("LATEST_BY_OFFSET", {kInt});
  Aggregate::State old(before), restored(after), fresh(after);
  for (int n = 0; n < 5; ++n) ASSERT_TRUE(old.update({i(n)}));
  ASSERT_TRUE(restored.decode(old.encoded()));
  ASSERT_TRUE(fresh.update({i(9)}));
  ASSERT_TRUE(restored.merge(fresh));
  EXPECT_EQ(restored.result(), i(9));
}

TEST(Aggregates, a_sum_of_decimals_that_does_not_fit_is_null_until_it_fits_again) {
  const SqlType widest = SqlType::decimal(38, 0);
  Int128 most = 0;
  for (int digit = 0; digit < 38; ++digit) most = most * 10 + 9;
  const Value large = Value::decimal(most, 0), opposite = Value::decimal(-most, 0);
  const Aggregate sum("SUM", {widest});
  Aggregate::State state(sum);
  for (int n = 0; n < 1'000; ++n) ASSERT_TRUE(state.update({large}));
  EXPECT_EQ(state.result(), kNone);
  Aggregate::State restored(sum), merged(sum);
  ASSERT_TRUE(restored.decode(state.encoded()));
  for (int n = 0; n < 500; ++n) ASSERT_TRUE(restored.update({opposite}));
  for (int n = 0; n < 499; ++n) ASSERT_TRUE(restored.undo({large}));
  EXPECT_EQ(restored.result(), large);
  EXPECT_EQ(restored.encoded().size(), 16u);  // the size that earlier versions wrote
  for (int n = 0; n < 999; ++n) ASSERT_TRUE(merged.update({opposite}));
  EXPECT_EQ(merged.result(), kNone);
  ASSERT_TRUE(merged.merge(state));
  EXPECT_EQ(merged.result(), large);
  const Aggregate small("SUM", {SqlType::decimal(4, 2)});
  EXPECT_EQ(small.of(column({Value::decimal(6000, 2), Value::decimal(6000, 2)})), kNone);
  EXPECT_EQ(small.of(column(
                {Value::decimal(6000, 2), Value::decimal(6000, 2), Value::decimal(-6000, 2)})),
            Value::decimal(6000, 2));
}

TEST(Aggregates, a_sum_of_decimals_under_ksqldbs_defaults_fails) {
  const Aggregate sum("SUM", {SqlType::decimal(4, 2)}, {},
                      {{std::string(kSumOverflow), std::string(kSumWraps)}});
  Aggregate::State state(sum);
  ASSERT_TRUE(state.update({Value::decimal(6000, 2)}));
  EXPECT_FALSE(state.update({Value::decimal(6000, 2)}));
  EXPECT_EQ(state.result(), Value::decimal(6000, 2));
}

TEST(Aggregates, collections_keep_nulls_and_order_and_limits) {
  const auto rows = column({s("b"), kNone, s("a"), s("b"), kNone});
  EXPECT_EQ(Aggregate("COLLECT_LIST", {kString}).of(rows),
            list({s("b"), kNone, s("a"), s("b"), kNone}));
  EXPECT_EQ(Aggregate("COLLECT_SET", {kString}).of(rows), list({s("b"), kNone, s("a")}));
  EXPECT_EQ(Aggregate("COLLECT_LIST", {kString}, {}, {{"ksql.functions.collect_list.limit", "1"}})
                .of(rows),
            list({s("b")}));
  const Aggregate collected("COLLECT_LIST", {kString});
  Aggregate::State state(collected);
  for (const Row& row : rows) ASSERT_TRUE(state.update(row));
  ASSERT_TRUE(state.undo({s("b")}));
  EXPECT_EQ(state.result(), list({s("b"), kNone, s("a"), kNone}));
}

TEST(Aggregates, equal_maps_are_one_value_in_any_order) {
  const SqlType map = SqlType::map(kString, kInt);
  const Value one = Value::map({{s("a"), i(1)}, {s("b"), i(2)}});
  const Value same = Value::map({{s("b"), i(2)}, {s("a"), i(1)}});
  EXPECT_EQ(Aggregate("COLLECT_SET", {map}).of(column({one, same})), list({one}));
  EXPECT_EQ(Aggregate("ATTR", {map}).of(column({one, same})), one);
}

TEST(Aggregates, attr_returns_the_value_common_to_all_rows) {
  const Aggregate attr("ATTR", {kString});
  EXPECT_EQ(attr.of(column({s("1"), s("1")})), s("1"));
  EXPECT_EQ(attr.of(column({s("1"), kNone, s("1")})), kNone);
  Aggregate::State state(attr);
  for (const char* text : {"1", "2"}) ASSERT_TRUE(state.update({s(text)}));
  ASSERT_TRUE(state.undo({s("2")}));
  EXPECT_EQ(state.result(), s("1"));
}

TEST(Aggregates, distinct_counts_are_exact_when_small_and_near_when_large) {
  const Aggregate distinct("COUNT_DISTINCT", {kBigint});
  Aggregate::State state(distinct);
  for (int64_t n = 0; n < 400; ++n) ASSERT_TRUE(state.update({l(n % 300)}));
  EXPECT_EQ(state.result(), l(300));
  for (int64_t n = 0; n < 20'000; ++n) ASSERT_TRUE(state.update({l(n)}));
  EXPECT_NEAR(static_cast<double>(state.result().as_int64()), 20'000.0, 400.0);
}

TEST(Aggregates, intermediate_types_are_the_ones_that_formats_must_hold) {
  const auto shown = [](const Aggregate& aggregate) {
    const AggregateType type = aggregate.instance().def->aggregate_type;
    return (type ? type(aggregate.instance()) : aggregate.instance().result_type).to_string();
  };
  EXPECT_EQ(shown(Aggregate("COUNT", {})), "BIGINT");
  EXPECT_EQ(shown(Aggregate("AVG", {kInt})), "STRUCT<`SUM` INTEGER, `COUNT` BIGINT>");
  EXPECT_EQ(shown(Aggregate("LATEST_BY_OFFSET", {kInt}, {i(2)})),
            "ARRAY<STRUCT<`SEQ` BIGINT, `VAL` INTEGER>>");
}
