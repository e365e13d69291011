#include "base/awake_clock.h"

#include <gtest/gtest.h>

namespace {

constexpr int64_t kAwakeSecondUs = 1'000'000;

TEST(AwakeClock, goes_with_the_other_while_it_is_looked_at) {
  SimulatedClock clock(5);
  AwakeClock awake(clock);
  EXPECT_EQ(awake.wall_ms(), 5);
  for (int i = 0; i < 30; ++i) {
    clock.advance_us(kAwakeSecondUs / 10);
    EXPECT_EQ(awake.monotonic_us(), clock.monotonic_us());
    awake.tick();
  }
}

TEST(AwakeClock, counts_one_second_of_a_longer_pause) {
  SimulatedClock clock;
  AwakeClock awake(clock);
  clock.advance_us(12 * kAwakeSecondUs);
  EXPECT_EQ(awake.monotonic_us(), kAwakeSecondUs) << "before the first tick, too";
  awake.tick();
  EXPECT_EQ(awake.monotonic_us(), kAwakeSecondUs);
  clock.advance_us(kAwakeSecondUs / 2);
  EXPECT_EQ(awake.monotonic_us(), kAwakeSecondUs * 3 / 2);
}

TEST(AwakeClock, counts_a_pause_of_hours_in_full) {
  SimulatedClock clock;
  const AwakeClock awake(clock);
  clock.advance_us(7'200 * kAwakeSecondUs);
  EXPECT_EQ(awake.monotonic_us(), 7'200 * kAwakeSecondUs);
}

}  // namespace
