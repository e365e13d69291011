// Tests sums of times, and the windows that contain a time, for all 64-bit numbers.
#include "engine/types/time_math.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(TimeMath, representable_results_are_exact) {
  EXPECT_EQ(saturating_add(2, 3), 5);
  EXPECT_EQ(saturating_add(kMax, kMin), -1);
  EXPECT_EQ(saturating_subtract(2, 3), -1);
  EXPECT_EQ(saturating_subtract(-1, kMax), kMin);
  EXPECT_EQ(saturating_multiply(-4, 5), -20);
}

TEST(TimeMath, other_results_are_the_nearest_bound) {
  EXPECT_EQ(saturating_add(kMax, 1), kMax);
  EXPECT_EQ(saturating_add(kMin, -1), kMin);
  EXPECT_EQ(saturating_subtract(kMin, 1), kMin);
  EXPECT_EQ(saturating_subtract(0, kMin), kMax);
  EXPECT_EQ(saturating_multiply(kMax, 2), kMax);
  EXPECT_EQ(saturating_multiply(kMax, -2), kMin);
  EXPECT_EQ(saturating_multiply(kMin, -1), kMax);
}

TEST(TimeMath, a_time_lies_in_the_windows_that_hold_it) {
  const WindowTimes windows{.size_ms = 10, .advance_ms = 5, .grace_ms = 0};
  EXPECT_EQ(windows.first_start(12), 5);
  EXPECT_EQ(windows.last_start(12), 10);
  EXPECT_EQ(windows.count(12), 2);
  EXPECT_EQ(windows.first_start(3), 0);  // no window begins before 0
  EXPECT_EQ(windows.count(3), 1);
  EXPECT_EQ(windows.count(0), 1);
  EXPECT_EQ(windows.count(-1), 0);
}

// For any clause and time: each listed window contains the time, and their number matches their
// starts.
TEST(TimeMath, all_windows_of_extreme_times_hold_them) {
  for (const int64_t size : {int64_t{1}, int64_t{60'000}, kMax / 2, kMax}) {
    for (const int64_t advance : {int64_t{1}, int64_t{7}, size / 2, size}) {
      if (advance < 1 || advance > size) continue;
      const WindowTimes windows{size, advance, 0};
      for (const int64_t time :
           {kMin, int64_t{-1}, int64_t{0}, int64_t{59'999}, int64_t{60'000}, kMax - 60'001, kMax}) {
        const int64_t count = windows.count(time);
        if (time < 0) {
          EXPECT_EQ(count, 0);
          continue;
        }
        ASSERT_GT(count, 0) << size << " " << advance << " " << time;
        const int64_t first = windows.first_start(time), last = windows.last_start(time);
        EXPECT_EQ(last - first, (count - 1) * advance);
        for (const int64_t start : {first, last}) {
          EXPECT_LE(start, time);
          EXPECT_GE(start, 0);
          EXPECT_GT(size, time - start);
        }
      }
    }
  }
}

TEST(TimeMath, the_first_open_window_is_the_first_that_is_not_closed) {
  for (const int64_t advance : {1, 3, 10}) {
    const WindowTimes windows{.size_ms = 10, .advance_ms = advance, .grace_ms = 4};
    for (int64_t stream_time = 0; stream_time < 60; ++stream_time)
      for (int64_t start = 0; start < 50; start += advance) {
        int64_t open = start;
        while (windows.is_closed(open, stream_time)) open += advance;
        EXPECT_EQ(windows.first_open(start, stream_time), open) << start << " " << stream_time;
      }
  }
  const WindowTimes short_ones{.size_ms = 3, .advance_ms = 3, .grace_ms = 0};
  EXPECT_GE(short_ones.first_open(0, kMax), kMax - 3);
}

TEST(TimeMath, a_window_is_closed_exactly_when_it_begins_before_the_open_ones) {
  for (const int64_t grace : {int64_t{0}, int64_t{60'000}, kMax}) {
    const WindowTimes windows{.size_ms = 60'000, .advance_ms = 60'000, .grace_ms = grace};
    for (const int64_t stream_time :
         {int64_t{0}, int64_t{59'999}, int64_t{60'000}, int64_t{120'000}, kMax - 60'001, kMax})
      for (const int64_t start : {int64_t{0}, int64_t{60'000}, kMax - 120'000, kMax - 60'000, kMax})
        EXPECT_EQ(windows.is_closed(start, stream_time), start < windows.open_from(stream_time))
            << grace << " " << stream_time << " " << start;
  }
}

TEST(TimeMath, a_window_that_would_close_after_the_end_of_time_stays_open) {
  const WindowTimes endless{.size_ms = 60'000, .advance_ms = 60'000, .grace_ms = kMax};
  EXPECT_FALSE(endless.is_closed(0, kMax - 1));
  EXPECT_FALSE(endless.is_closed(60'000, kMax));
  const WindowTimes plain{.size_ms = 60'000, .advance_ms = 60'000, .grace_ms = 0};
  EXPECT_FALSE(plain.is_closed(kMax - 5, kMax));
}

}  // namespace
}  // namespace engine
