#include "server/tasks/generator_clock.h"

#include <gtest/gtest.h>

namespace server {
namespace {

class GeneratorClockTest : public testing::Test {
 protected:
  // Returns the numbers that a poll from `next` gives: none, or the first and the last one.
  std::vector<int64_t> poll(GeneratorClock& rows, int64_t next) {
    const std::pair<engine::PartitionRef, Offset> position{{}, Offset(next)};
    const auto polled = rows.poll({&position, 1}, 1000).take();
    if (polled[0].batches.empty()) return {};
    return {polled[0].batches[0].base_offset.value(), polled[0].batches[0].last_offset.value()};
  }
  using Rows = std::vector<int64_t>;

  SimulatedClock clock_{1234};
};

TEST_F(GeneratorClockTest, rows_are_due_from_the_first_poll_on) {
  GeneratorClock rows({.rows_per_second = 1000}, clock_);
  clock_.advance_us(5000 * 1000);
  EXPECT_EQ(poll(rows, 70), Rows());
  clock_.advance_us(10 * 1000);
  EXPECT_EQ(poll(rows, 70), (Rows{70, 79}));
  EXPECT_EQ(poll(rows, 80), Rows());
  clock_.advance_us(1 * 1000);
  EXPECT_EQ(poll(rows, 75), (Rows{75, 80}));  // rows that were not processed are offered again
}

TEST_F(GeneratorClockTest, parts_of_rows_do_not_get_lost) {
  GeneratorClock rows({.rows_per_second = 3}, clock_);
  poll(rows, 0);
  for (int i = 0; i < 1000; ++i) {
    clock_.advance_us(10 * 1000);
    poll(rows, rows.due().value());
  }
  EXPECT_EQ(rows.due(), Offset(30));
}

TEST_F(GeneratorClockTest, a_lag_of_more_than_a_second_is_not_made_up_for) {
  GeneratorClock rows({.rows_per_second = 10}, clock_);
  poll(rows, 0);
  clock_.advance_us(1000 * 1000);
  EXPECT_EQ(poll(rows, 0), (Rows{0, 9}));
  clock_.advance_us(60'000 * 1000);
  EXPECT_EQ(poll(rows, 10), Rows());
  clock_.advance_us(100 * 1000);
  EXPECT_EQ(poll(rows, 10), (Rows{10, 10}));
}

TEST_F(GeneratorClockTest, there_is_an_end) {
  GeneratorClock rows({.rows_per_second = 1000, .number_of_rows = 5}, clock_);
  EXPECT_EQ(rows.interval_ms(), 10);
  poll(rows, 0);
  clock_.advance_us(500 * 1000);
  EXPECT_EQ(poll(rows, 0), (Rows{0, 4}));
  EXPECT_EQ(poll(rows, 5), Rows());
  EXPECT_EQ(rows.interval_ms(), std::nullopt);
  GeneratorClock past({.rows_per_second = 1000, .number_of_rows = 5}, clock_);
  EXPECT_EQ(poll(past, 9), Rows());
}

TEST_F(GeneratorClockTest, slow_ones_are_looked_at_seldom) {
  EXPECT_EQ(GeneratorClock({.rows_per_second = 1}, clock_).interval_ms(), 250);
  EXPECT_EQ(GeneratorClock({.rows_per_second = 20}, clock_).interval_ms(), 50);
}

}  // namespace
}  // namespace server
