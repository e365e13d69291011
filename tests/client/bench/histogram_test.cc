#include "client/bench/histogram.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace client {
namespace {

TEST(Histogram, small_values_are_exact) {
  Histogram histogram;
  for (int64_t value = 1; value <= 100; ++value) histogram.add(value);
  EXPECT_EQ(histogram.percentile(0.5), 50);
  EXPECT_EQ(histogram.percentile(0.99), 99);
  EXPECT_EQ(histogram.percentile(1), 100);
  EXPECT_EQ(histogram.percentile(0), 1);
  EXPECT_EQ(histogram.mean(), 50.5);
}

TEST(Histogram, large_values_are_within_one_64th) {
  for (int64_t value = 100; value < INT64_MAX / 3; value = value * 3 + 1) {
    Histogram histogram;
    histogram.add(value);
    // percentile() returns at most the largest value, so a larger value is added
    histogram.add(INT64_MAX);
    EXPECT_GE(histogram.percentile(0.5), value);
    EXPECT_LE(histogram.percentile(0.5), value + value / 64);
  }
}

TEST(Histogram, the_ends_of_the_range_have_their_place) {
  Histogram histogram;
  histogram.add(-5);
  histogram.add(INT64_MAX);
  EXPECT_EQ(histogram.percentile(0.5), 0);
  EXPECT_EQ(histogram.percentile(1), INT64_MAX);
  EXPECT_EQ(histogram.count(), 2);
}

TEST(Histogram, an_empty_one_answers_nothing_but_zero) {
  EXPECT_EQ(Histogram().percentile(0.99), 0);
  EXPECT_EQ(Histogram().max(), 0);
}

}  // namespace
}  // namespace client
