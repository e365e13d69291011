#include "server/net/slice_meter.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "server/net/loop.h"
#include "tests/patience.h"

using namespace server;

namespace {

void hold(int64_t us) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(us);
  while (std::chrono::steady_clock::now() < until) {
  }
}

}  // namespace

TEST(SliceMeter, a_reading_covers_the_slices_since_the_last_one) {
  SliceMeter meter("test");
  for (int i = 0; i < 200; ++i) const SliceMeter::Slice slice(meter, "short");
  {
    const SliceMeter::Slice slice(meter, "long");
    hold(5'000);
  }
  const SliceReading reading = meter.read();
  EXPECT_EQ(reading.count, 201u);
  EXPECT_GE(reading.max_us, 5'000);
  EXPECT_FASTER(std::chrono::microseconds(reading.p50_us), std::chrono::milliseconds(1));
  EXPECT_LE(reading.p50_us, reading.p99_us);
  EXPECT_EQ(meter.read().count, 0u);
  EXPECT_EQ(meter.read().max_us, 0);
  EXPECT_GE(meter.longest_us(), 5'000) << "the longest of all is kept";
}

TEST(SliceMeter, a_time_is_shown_at_most_an_eighth_too_long) {
  SliceMeter meter("test");
  const SystemClock clock;
  const int64_t begun_us = clock.monotonic_us();
  {
    const SliceMeter::Slice slice(meter, "some");
    hold(3'000);
  }
  const int64_t took_us = clock.monotonic_us() - begun_us;  // takes longer on a busy machine
  {
    const SliceMeter::Slice slice(meter, "longest");
    hold(4 * took_us);
  }
  const SliceReading reading = meter.read();
  EXPECT_GE(reading.p50_us, 3'000);
  EXPECT_LE(reading.p50_us, took_us + took_us / 8 + 1);
}

TEST(SliceMeter, nested_slices_are_one_and_pieces_of_one_are_several) {
  SliceMeter meter("test");
  {
    const SliceMeter::Slice outer(meter, "outer");
    const SliceMeter::Slice inner(meter, "inner");
  }
  EXPECT_EQ(meter.read().count, 1u);
  {
    const SliceMeter::Slice slice(meter, "tasks");
    meter.next("one");
    meter.next("two");
  }
  EXPECT_EQ(meter.read().count, 3u);
}

TEST(SliceMeter, the_task_that_held_a_loop_is_named_in_the_log) {
  const int64_t too_long_us = SliceMeter::kWarnUs + 10'000;
  const auto told = [&](const std::function<void(Loop&)>& begin) {
    Loop loop("test");
    testing::internal::CaptureStderr();
    begin(loop);
    loop.run();
    return testing::internal::GetCapturedStderr();
  };
  const std::string work = told([&](Loop& loop) {
    loop.post_slice("eviction", [&] {
      hold(too_long_us);
      loop.stop();
    });
  });
  EXPECT_NE(work.find("by=\"eviction\""), std::string::npos) << work;
  std::optional<Timer> timer;
  const std::string at_time = told([&](Loop& loop) {
    timer.emplace(loop, "checkpoints", [&] {
      hold(too_long_us);
      timer.reset();
      loop.stop();
    });
    timer->start_once(1);
  });
  EXPECT_NE(at_time.find("by=\"checkpoints\""), std::string::npos) << at_time;
}

TEST(SliceMeter, a_loop_measures_its_messages_and_timers) {
  Loop loop("test");
  loop.post([] { hold(2'000); });
  Timer timer(loop, "the timer", [&] {
    hold(4'000);
    loop.stop();
  });
  timer.start_once(1);
  loop.run();
  const SliceReading reading = loop.slices().read();
  EXPECT_GE(reading.count, 2u);
  EXPECT_GE(reading.max_us, 4'000);
}
