#include "engine/catalog/passed_numbers.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

Sequence sequence_of(int64_t increment, int64_t min, int64_t max, int64_t start) {
  Sequence sequence;
  sequence.name = "S";
  sequence.increment = increment;
  sequence.min = min;
  sequence.max = max;
  sequence.start = sequence.last_value = start;
  return sequence;
}

TEST(Sequence, gives_as_many_as_there_are) {
  Sequence sequence = sequence_of(1, 1, 10, 1);
  const auto first = take_numbers(sequence, 7);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->first, 1);
  EXPECT_EQ(first->last(), 7);
  const auto rest = take_numbers(sequence, 7);
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->first, 8);
  EXPECT_EQ(rest->count, 3);
  const auto none = take_numbers(sequence, 1);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, "nextval: reached maximum value of sequence \"s\" (10)");
  EXPECT_EQ(sequence.last_value, 10);
}

TEST(Sequence, goes_down_and_round) {
  Sequence sequence = sequence_of(-4, -10, -1, -2);
  sequence.cycles = true;
  const auto first = take_numbers(sequence, 100);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->count, 3);  // -2, -6, -10
  EXPECT_EQ(first->last(), -10);
  const auto again = take_numbers(sequence, 2);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->first, -1);
  EXPECT_EQ(again->last(), -5);
}

// The difference between the ends of BIGINT needs 65 bits.
TEST(Sequence, reaches_the_ends_of_its_type) {
  Sequence sequence = sequence_of(INT64_MAX, INT64_MIN, INT64_MAX, INT64_MIN);
  const auto all = take_numbers(sequence, 100);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->count, 3);
  EXPECT_EQ(all->last(), INT64_MAX - 1);
  EXPECT_FALSE(take_numbers(sequence, 1));
}

TEST(Sequence, is_set_within_its_bounds) {
  Sequence sequence = sequence_of(1, 1, 10, 1);
  ASSERT_TRUE(set_value(sequence, 5, false));
  EXPECT_EQ(take_numbers(sequence, 1)->first, 5);
  ASSERT_TRUE(set_value(sequence, 5, true));
  EXPECT_EQ(take_numbers(sequence, 1)->first, 6);
  EXPECT_EQ(sequence.version, 2 * kVersionsOfCount);
  EXPECT_EQ(set_value(sequence, 11, true).error().message,
            "setval: value 11 is out of bounds for sequence \"s\" (1..10)");
}

TEST(PassedNumbers, are_the_numbers_of_columns_that_count_up) {
  Sequence sequence = sequence_of(1, 1, 10, 1);
  EXPECT_FALSE(is_passed_by_rows(sequence)) << "nobody owns it";
  sequence.owner_table = "T";
  EXPECT_TRUE(is_passed_by_rows(sequence));
  sequence.cycles = true;
  EXPECT_FALSE(is_passed_by_rows(sequence));
  sequence.cycles = false;
  sequence.increment = -1;
  EXPECT_FALSE(is_passed_by_rows(sequence));
}

TEST(PassedNumbers, come_before_the_next_ones) {
  Sequence sequence = sequence_of(1, 1, 1000, 1);
  const PassedNumbers first = pass_numbers(sequence, 3, 7);
  EXPECT_FALSE(first.has_reserved);
  EXPECT_FALSE(first.ends_reserves) << "nobody has any";
  EXPECT_EQ(first.reserved_to, 0);
  EXPECT_EQ(take_numbers(sequence, 10)->first, 8);

  const PassedNumbers behind = pass_numbers(sequence, 18, 30);
  EXPECT_TRUE(behind.has_reserved);
  EXPECT_FALSE(behind.ends_reserves) << "what is at hand goes up to 17";
  EXPECT_EQ(behind.reserved_to, 17);
  EXPECT_EQ(sequence.version, 0);
  EXPECT_EQ(take_numbers(sequence, 1)->first, 31);
}

TEST(PassedNumbers, end_numbers_that_may_be_reserved_on_some_node) {
  Sequence sequence = sequence_of(1, 1, 1000, 1);
  ASSERT_TRUE(take_numbers(sequence, 10));
  const PassedNumbers among = pass_numbers(sequence, 10, 10);
  EXPECT_TRUE(among.ends_reserves);
  EXPECT_EQ(sequence.version, 1);
  EXPECT_EQ(take_numbers(sequence, 1)->first, 11) << "it does not go back";
  const PassedNumbers both = pass_numbers(sequence, 2, 50);
  EXPECT_TRUE(both.ends_reserves);
  EXPECT_EQ(sequence.version, 2);
  EXPECT_EQ(take_numbers(sequence, 1)->first, 51);
  ASSERT_TRUE(set_value(sequence, 1, false));
  EXPECT_TRUE(pass_numbers(sequence, 1, 1).has_reserved) << "before it was set back";
}

TEST(PassedNumbers, may_be_the_last_or_beyond) {
  Sequence sequence = sequence_of(1, 1, 10, 1);
  EXPECT_EQ(pass_numbers(sequence, 20, 20).reserved_to, 0);
  EXPECT_EQ(sequence.last_value, 10);
  EXPECT_FALSE(take_numbers(sequence, 1));
  Sequence lowest = sequence_of(1, INT64_MIN, INT64_MAX, INT64_MIN);
  EXPECT_EQ(pass_numbers(lowest, 5, 5).reserved_to, INT64_MIN);
  EXPECT_EQ(take_numbers(lowest, 1)->first, 6);
}

TEST(Sequence, is_found_by_a_text) {
  EXPECT_EQ(*sequence_name("orders"), "ORDERS");
  EXPECT_EQ(*sequence_name(" Public . Orders "), "ORDERS");
  EXPECT_EQ(*sequence_name("shop.\"Orders\""), "SHOP.Orders");
  EXPECT_EQ(*sequence_name("\"say \"\"hi\"\"\""), "SAY \"HI\"");
  EXPECT_EQ(*sequence_name("millrace.public.orders"), "ORDERS");
  for (const char* wrong : {"", ".", "a.", "a b", "\"a", "a..b", "a.b.c.d"})
    EXPECT_FALSE(sequence_name(wrong)) << wrong;
}

}  // namespace
}  // namespace engine
