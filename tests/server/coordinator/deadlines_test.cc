#include "server/coordinator/deadlines.h"

#include <gtest/gtest.h>

#include <string>

using namespace server::coordinator;

TEST(Deadlines, run_in_the_order_of_their_times_and_only_when_due) {
  Deadlines deadlines;
  std::string ran;
  deadlines.set(20, [&] { ran += 'b'; });
  deadlines.set(10, [&] { ran += 'a'; });
  deadlines.set(20, [&] { ran += 'c'; });
  deadlines.set(30, [&] { ran += 'd'; });
  EXPECT_EQ(deadlines.next_us(), 10);
  deadlines.run_due(20, [] { return false; });
  EXPECT_EQ(ran, "abc");
  EXPECT_EQ(deadlines.next_us(), 30);
}

TEST(Deadlines, one_that_is_cancelled_does_not_run) {
  Deadlines deadlines;
  bool has_run = false;
  Deadline deadline = deadlines.set(10, [&] { has_run = true; });
  deadlines.cancel(deadline);
  EXPECT_FALSE(deadline.is_set());
  deadlines.cancel(deadline);
  deadlines.run_due(100, [] { return false; });
  EXPECT_FALSE(has_run);
  EXPECT_FALSE(deadlines.next_us());
}

TEST(Deadlines, the_rest_waits_when_the_slice_is_over) {
  Deadlines deadlines;
  int ran = 0;
  for (int i = 0; i < 3; ++i) deadlines.set(10, [&] { ++ran; });
  deadlines.run_due(10, [&] { return ran == 2; });
  EXPECT_EQ(ran, 2);
  EXPECT_EQ(deadlines.next_us(), 10);
}

TEST(Deadlines, report_an_earlier_first_deadline) {
  Deadlines deadlines;
  int told = 0;
  deadlines.on_sooner([&] { ++told; });
  deadlines.set(20, [] {});
  EXPECT_EQ(told, 1);
  deadlines.set(30, [] {});
  EXPECT_EQ(told, 1);
  deadlines.set(10, [] {});
  EXPECT_EQ(told, 2);
}
