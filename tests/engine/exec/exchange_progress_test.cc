// Tests the progress that the tasks before a time-ordered exchange store and report.
#include "engine/exec/exchange_progress.h"

#include <gtest/gtest.h>

#include "engine/exec/running_times.h"

namespace engine {
namespace {

TEST(ExchangeProgress, is_read_as_it_was_written) {
  for (const ExchangeProgress& progress :
       {ExchangeProgress{-1, {}}, ExchangeProgress{0, {Offset(0)}},
        ExchangeProgress{INT64_MAX, {Offset(7), Offset(INT64_MAX)}}}) {
    const auto read = decode_progress(encode_progress(progress));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, progress);
  }
  // The example of docs/formats/exchange.md.
  EXPECT_EQ(encode_progress({500, {Offset(7), Offset(3)}}), "\x20\xe8\x07\x02\x07\x03");
}

TEST(ExchangeProgress, truncated_and_foreign_bytes_are_refused) {
  const std::string whole = encode_progress({500, {Offset(7), Offset(3)}});
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_progress(whole.substr(0, size))) << size;
  EXPECT_FALSE(decode_progress(whole + "x"));
  EXPECT_FALSE(decode_progress("\x10" + whole.substr(1)));
}

class RunningTimesTest : public testing::Test {
 protected:
  void note(std::vector<int64_t> offsets, std::vector<int64_t> times) {
    times_.note(offsets, times, [](int64_t time) { return time > 1'000; });
  }
  std::vector<int64_t> of(std::vector<int64_t> offsets) { return times_.of(offsets); }
  RunningTimes times_;
};

TEST_F(RunningTimesTest, never_go_back) {
  note({3, 4, 5, 7}, {10, 5, 20, 15});
  note({8, 9}, {19, 30});
  EXPECT_EQ(of({3, 4, 4, 5, 7, 8, 9}), (std::vector<int64_t>{10, 10, 10, 20, 20, 20, 30}));
  EXPECT_EQ(of({8}), std::vector<int64_t>{20});
}

TEST_F(RunningTimesTest, a_time_that_is_too_far_ahead_moves_nothing) {
  note({0, 1, 2}, {10, 5'000, 12});
  EXPECT_EQ(of({0, 1, 2}), (std::vector<int64_t>{10, 10, 12}));
}

TEST_F(RunningTimesTest, finished_records_are_known_by_their_greatest_time) {
  EXPECT_EQ(times_.forget_before(0), -1);
  note({3, 4, 5, 7}, {10, 5, 20, 15});
  EXPECT_EQ(times_.forget_before(3), -1);
  EXPECT_EQ(times_.forget_before(5), 10);
  EXPECT_EQ(of({5, 7}), (std::vector<int64_t>{20, 20}));
  EXPECT_EQ(times_.forget_before(8), 20);
  note({8}, {1});
  EXPECT_EQ(of({8}), std::vector<int64_t>{20});
}

TEST_F(RunningTimesTest, restart_from_the_beginning_or_from_the_saved_times) {
  note({3}, {10});
  times_.begin_after(-1);
  note({4}, {5});
  EXPECT_EQ(of({4}), std::vector<int64_t>{5});
  times_.begin_after(40);
  note({5}, {6});
  EXPECT_EQ(of({5}), std::vector<int64_t>{40});
}

}  // namespace
}  // namespace engine
