#include "engine/exec/row_generator.h"

#include <gtest/gtest.h>

#include <map>

namespace engine {
namespace {

Schema schema_of(std::vector<SqlType> types) {
  Schema schema;
  for (size_t i = 0; i < types.size(); ++i)
    schema.columns.push_back({"C" + std::to_string(i), types[i], ColumnRole::Value});
  return schema;
}

RowGenerator make(GeneratorPlan plan, std::vector<SqlType> types) {
  return RowGenerator::make(plan, schema_of(std::move(types))).take();
}

GeneratorRule range(std::string min, std::string max, GeneratorKind kind = GeneratorKind::Random) {
  return {.kind = kind, .min = std::move(min), .max = std::move(max)};
}

TEST(RowGenerator, a_row_is_the_same_whichever_are_made_with_it) {
  const RowGenerator generator =
      make({.seed = 7, .rules = {range("0", "1000000"), {.length = 12}, range("0", "1")}},
           {TypeKind::Integer, TypeKind::String, TypeKind::Double});
  const Batch all = generator.rows(0, 100, 5);
  for (const int64_t first : {0, 1, 57, 99}) {
    const Batch one = generator.rows(first, 1, 6);
    for (size_t column = 0; column < 3; ++column)
      EXPECT_TRUE(all.columns[column]->same(static_cast<size_t>(first), *one.columns[column], 0));
    EXPECT_EQ(one.offsets[0], first);
  }
}

TEST(RowGenerator, another_seed_makes_other_rows_and_columns_differ) {
  const std::vector<SqlType> types = {TypeKind::Bigint, TypeKind::Bigint};
  const auto rule = range("-9223372036854775808", "9223372036854775807");
  const Batch a = make({.seed = 1, .rules = {rule, rule}}, types).rows(0, 50, 0);
  const Batch b = make({.seed = 2, .rules = {rule, rule}}, types).rows(0, 50, 0);
  size_t same = 0;
  for (size_t i = 0; i < 50; ++i) {
    same += a.columns[0]->same(i, *b.columns[0], i);
    same += a.columns[0]->same(i, *a.columns[1], i);
  }
  EXPECT_EQ(same, 0u);
}

TEST(RowGenerator, ranges_have_both_ends_and_are_even) {
  const Batch batch = make({.rules = {range("-2", "2")}}, {TypeKind::Integer}).rows(0, 50'000, 0);
  std::map<int32_t, int> counts;
  for (const int32_t value : batch.columns[0]->data<int32_t>()) ++counts[value];
  ASSERT_EQ(counts.size(), 5u);
  for (const auto& [value, count] : counts) EXPECT_NEAR(count, 10'000, 500) << value;
}

TEST(RowGenerator, zipf_takes_the_first_most_often) {
  const Batch batch =
      make({.rules = {range("1", "1000", GeneratorKind::Zipf)}}, {TypeKind::Integer})
          .rows(0, 100'000, 0);
  std::map<int32_t, int> counts;
  for (const int32_t value : batch.columns[0]->data<int32_t>()) ++counts[value];
  EXPECT_EQ(counts.begin()->first, 1);
  EXPECT_LE(counts.rbegin()->first, 1000);
  EXPECT_GT(counts.rbegin()->first, 900);
  // The expected shares are ln 2 / ln 1001 and ln(11/10) / ln 1001.
  EXPECT_NEAR(counts[1], 10'034, 400);
  EXPECT_NEAR(counts[10], 1'380, 150);
}

TEST(RowGenerator, a_sequence_restarts_after_its_end) {
  GeneratorRule values{.kind = GeneratorKind::Sequence, .values = {"a", "b"}};
  GeneratorRule names = range("8", "9223372036854775807", GeneratorKind::Sequence);
  names.prefix = "n";
  const Batch batch = make({.rules = {range("3", "5", GeneratorKind::Sequence), values, names}},
                           {TypeKind::Bigint, TypeKind::String, TypeKind::String})
                          .rows(4, 3, 0);
  EXPECT_EQ(batch.columns[0]->data<int64_t>()[0], 4);
  EXPECT_EQ(batch.columns[0]->data<int64_t>()[2], 3);
  EXPECT_EQ(batch.columns[1]->data<std::string_view>()[1], "b");
  EXPECT_EQ(batch.columns[2]->data<std::string_view>()[2], "n14");
}

TEST(RowGenerator, the_configured_share_is_null) {
  GeneratorRule rule = range("0", "9");
  rule.nulls_per_million = 250'000;
  const Batch batch = make({.rules = {rule}}, {TypeKind::Integer}).rows(0, 40'000, 0);
  EXPECT_NEAR(static_cast<double>(40'000 - batch.columns[0]->validity().count()), 10'000, 400);
}

TEST(RowGenerator, event_times_follow_from_the_row_number_where_there_is_a_start) {
  const GeneratorRule now{.kind = GeneratorKind::Now};
  const Batch fixed = make({.rows_per_second = 3, .start_ms = 86'400'000, .rules = {now, now}},
                           {TypeKind::Timestamp, TypeKind::Date})
                          .rows(2, 2, 99);
  EXPECT_EQ(fixed.timestamps[0], 86'400'666);
  EXPECT_EQ(fixed.columns[0]->data<int64_t>()[1], 86'401'000);
  EXPECT_EQ(fixed.columns[1]->data<int32_t>()[0], 1);
  const Batch present = make({.rules = {now}}, {TypeKind::Bigint}).rows(2, 1, 99);
  EXPECT_EQ(present.timestamps[0], 99);
  EXPECT_EQ(present.columns[0]->data<int64_t>()[0], 99);
}

TEST(RowGenerator, a_rule_of_another_type_is_damage) {
  const auto fits = [](GeneratorRule rule, SqlType type) {
    return RowGenerator::make({.rules = {std::move(rule)}}, schema_of({type})).has_value();
  };
  EXPECT_FALSE(fits(range("a", "b"), TypeKind::Integer));
  EXPECT_FALSE(fits(range("5", "4"), TypeKind::Integer));
  EXPECT_FALSE(fits({.kind = GeneratorKind::Now}, TypeKind::String));
  EXPECT_FALSE(fits({.length = 5}, TypeKind::Integer));
  EXPECT_FALSE(fits({.values = {"1", "x"}}, TypeKind::Integer));
  EXPECT_FALSE(fits(range("1", "2"), SqlType::array(TypeKind::Integer)));
  EXPECT_FALSE(RowGenerator::make({}, schema_of({TypeKind::Integer})));
}

}  // namespace
}  // namespace engine
