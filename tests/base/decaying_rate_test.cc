#include "base/decaying_rate.h"

namespace {

constexpr int64_t kSecondUs = 1'000'000;

TEST(DecayingRate, is_nothing_before_anything_happens) {
  EXPECT_EQ(DecayingRate().per_second(0), 0);
  EXPECT_EQ(DecayingRate().per_second(100 * kSecondUs), 0);
}

TEST(DecayingRate, comes_close_to_a_steady_rate_within_half_a_minute) {
  DecayingRate rate;
  int64_t now_us = 0;
  for (; now_us < 30 * kSecondUs; now_us += kSecondUs / 100) rate.add(10, now_us);
  EXPECT_NEAR(static_cast<double>(rate.per_second(now_us)), 1000, 20);
}

TEST(DecayingRate, does_not_depend_on_how_the_work_is_cut) {
  DecayingRate often, seldom;
  for (int64_t ms = 0; ms < 60'000; ++ms) {
    often.add(5, ms * 1000);
    if (ms % 100 == 99) seldom.add(500, ms * 1000);
  }
  EXPECT_NEAR(static_cast<double>(often.per_second(60 * kSecondUs)),
              static_cast<double>(seldom.per_second(60 * kSecondUs)), 100);
}

TEST(DecayingRate, falls_to_nothing_when_nothing_happens) {
  DecayingRate rate;
  rate.add(100'000, 0);
  const int64_t at_once = rate.per_second(0);
  EXPECT_LT(rate.per_second(5 * kSecondUs), at_once / 2);
  EXPECT_EQ(rate.per_second(120 * kSecondUs), 0);
}

}  // namespace
