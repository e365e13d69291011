#include "server/sql/serial/number_ranges.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace server {
namespace {

TEST(NumberRanges, become_one_where_they_meet) {
  NumberRanges ranges(10);
  ranges.add(5, 7);
  ranges.add(10, 12);
  EXPECT_EQ(ranges.count(), 2u);
  EXPECT_FALSE(ranges.contains(8));
  ranges.add(8, 9);
  EXPECT_EQ(ranges.count(), 1u);
  for (int64_t number = 5; number <= 12; ++number) EXPECT_TRUE(ranges.contains(number));
  EXPECT_FALSE(ranges.contains(4));
  EXPECT_FALSE(ranges.contains(13));
  ranges.add(9, 8);
  EXPECT_EQ(ranges.count(), 1u) << "of nothing";
}

TEST(NumberRanges, reach_the_ends) {
  NumberRanges ranges(10);
  ranges.add(INT64_MIN, 0);
  ranges.add(INT64_MAX, INT64_MAX);
  EXPECT_TRUE(ranges.contains(INT64_MIN));
  EXPECT_TRUE(ranges.contains(INT64_MAX));
  EXPECT_FALSE(ranges.contains(INT64_MAX - 1));
  ranges.add(1, INT64_MAX - 1);
  EXPECT_EQ(ranges.count(), 1u);
  ranges.add(INT64_MIN, INT64_MAX);
  EXPECT_EQ(ranges.count(), 1u);
}

TEST(NumberRanges, with_too_many_the_lowest_stays) {
  NumberRanges ranges(3);
  ranges.add(INT64_MIN, 0);
  for (const int64_t number : {10, 20, 30}) ranges.add(number, number);
  EXPECT_EQ(ranges.count(), 3u);
  EXPECT_TRUE(ranges.contains(-1));
  EXPECT_FALSE(ranges.contains(10)) << "forgotten";
  EXPECT_TRUE(ranges.contains(20));
  EXPECT_TRUE(ranges.contains(30));
}

TEST(NumberRanges, equal_a_set) {
  std::mt19937 chance(7);
  for (int round = 0; round < 200; ++round) {
    NumberRanges ranges(1000);
    std::set<int64_t> expected;
    for (int step = 0; step < 20; ++step) {
      const int64_t first = std::uniform_int_distribution<int64_t>(-50, 50)(chance);
      const int64_t last = first + std::uniform_int_distribution<int64_t>(-2, 12)(chance);
      ranges.add(first, last);
      for (int64_t number = first; number <= last; ++number) expected.insert(number);
    }
    for (int64_t number = -70; number <= 70; ++number)
      ASSERT_EQ(ranges.contains(number), expected.contains(number)) << round << " " << number;
  }
}

}  // namespace
}  // namespace server
