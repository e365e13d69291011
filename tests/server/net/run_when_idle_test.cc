#include "server/net/run_when_idle.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using server::Loop;
using server::run_when_idle;
using server::Timer;

namespace {

// Longer than a machine is ever busy.
constexpr std::chrono::seconds kPatience{60};

// Returns a pointer that calls `tell` when its last copy is destroyed, for example with a task.
std::shared_ptr<void> on_destruction(std::function<void()> tell) {
  return {nullptr, [tell = std::move(tell)](void*) { tell(); }};
}

}  // namespace

TEST(RunWhenIdle, runs_behind_the_callback_on_the_loops_thread) {
  Loop loop;
  std::vector<std::string> seen;
  std::thread::id work_thread;
  loop.post([&] {
    run_when_idle(loop, [&] {
      work_thread = std::this_thread::get_id();
      EXPECT_FALSE(loop.is_here()) << "it may be another thread's by now";
      seen.push_back("work");
      loop.post([&] {
        EXPECT_TRUE(loop.is_here());
        seen.push_back("message");
        loop.defer([&] {
          seen.push_back("deferred");
          loop.stop();
        });
      });
    });
    seen.push_back("callback");
  });
  loop.run();
  EXPECT_EQ(work_thread, std::this_thread::get_id());
  EXPECT_EQ(seen, (std::vector<std::string>{"callback", "work", "message", "deferred"}));
}

TEST(RunWhenIdle, messages_do_not_wait_for_the_work) {
  Loop loop;
  std::promise<void> begun, answered;
  bool is_in_time = false;
  loop.post([&] {
    run_when_idle(loop, [&] {
      begun.set_value();
      is_in_time = answered.get_future().wait_for(kPatience) == std::future_status::ready;
      loop.post([&] { loop.stop(); });
    });
  });
  std::thread other([&] {
    begun.get_future().wait();
    loop.post([&] {
      EXPECT_TRUE(loop.is_here());
      answered.set_value();
    });
  });
  loop.run();
  other.join();
  EXPECT_TRUE(is_in_time);
}

TEST(RunWhenIdle, timers_do_not_wait_for_the_work) {
  Loop loop;
  std::promise<void> called;
  bool is_in_time = false;
  Timer timer(loop, "test", [&] { called.set_value(); });
  loop.post([&] {
    timer.start_once(5);
    run_when_idle(loop, [&] {
      is_in_time = called.get_future().wait_for(kPatience) == std::future_status::ready;
      loop.post([&] { loop.stop(); });
    });
  });
  loop.run();
  EXPECT_TRUE(is_in_time);
}

TEST(RunWhenIdle, is_given_up_before_anything_else_is_done) {
  Loop loop;
  std::vector<std::string> seen;
  const auto begin = [&](const std::string& name) {
    run_when_idle(loop, [&, held = on_destruction([&, name] { seen.push_back("not " + name); })] {
      seen.push_back("work");
    });
  };
  loop.post([&] {
    begin("before a message");
    loop.post([&] {
      seen.push_back("message");
      begin("before a deferred task");
      loop.defer([&] {
        seen.push_back("deferred");
        begin("with a slice left");
        loop.post_slice("test", [&] { seen.push_back("slice"); });
        loop.post_slice("test", [&] {
          begin("twice");
          begin("at the end");
          loop.stop();
        });
      });
    });
  });
  loop.run();
  EXPECT_EQ(seen, (std::vector<std::string>{
                      "not before a message", "message", "not before a deferred task", "deferred",
                      "not with a slice left", "slice", "not twice", "not at the end"}));
}

TEST(RunWhenIdle, a_loop_may_be_stopped_meanwhile) {
  for (int round = 0; round < 50; ++round) {
    Loop loop;
    std::promise<void> begun;
    loop.post([&] { run_when_idle(loop, [&] { begun.set_value(); }); });
    std::thread other([&] {
      begun.get_future().wait();
      if (round % 2 == 0) std::this_thread::yield();
      loop.stop();
    });
    loop.run();
    other.join();
    EXPECT_FALSE(loop.is_here());
    loop.post([&] { loop.stop(); });
    loop.run();  // runs the loop again
  }
}

// The loop is handed from thread to thread all the time. All posted tasks must run, in order, one
// at a time.
TEST(RunWhenIdle, nothing_is_lost_between_two_threads) {
  Loop loop;
  constexpr int kThreads = 3, kPosts = 3'000;
  int left = kThreads * kPosts, works = 0;  // used only by tasks of the loop
  std::atomic<int> begun = 0;
  std::vector<int> last(kThreads, -1);
  std::atomic<bool> is_inside = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      for (int n = 0; n < kPosts; ++n) {
        loop.post([&, i, n] {
          EXPECT_FALSE(is_inside.exchange(true));
          EXPECT_EQ(std::exchange(last[static_cast<size_t>(i)], n), n - 1);
          run_when_idle(loop, [&] {
            ++begun;
            std::this_thread::yield();
            loop.post([&] { ++works; });
          });
          if (--left == 0) loop.post([&] { loop.stop(); });
          is_inside = false;
        });
        if (n % 10 == 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    });
  loop.run();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(left, 0);
  EXPECT_LE(works, begun);
}
