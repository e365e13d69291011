#include "server/net/loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using server::Loop;
using server::Timer;

TEST(Loop, runs_tasks_from_other_threads_in_order) {
  Loop loop;
  std::vector<int> seen;
  std::thread sender([&] {
    for (int i = 0; i < 100; ++i) loop.post([&, i] { seen.push_back(i); });
    loop.post([&] {
      EXPECT_TRUE(loop.is_here());
      loop.stop();
    });
  });
  loop.run();
  sender.join();
  ASSERT_EQ(seen.size(), 100u);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_FALSE(loop.is_here());
}

TEST(Loop, a_timer_runs_between_messages_that_take_long_together) {
  Loop loop;
  std::vector<int> seen;
  int seen_at_timer = -1;
  Timer timer(loop, "test", [&] { seen_at_timer = static_cast<int>(seen.size()); });
  constexpr int kTasks = 40;
  for (int i = 0; i < kTasks; ++i)
    loop.post([&, i] {
      if (i == 0) timer.start_once(1);
      seen.push_back(i);
      std::this_thread::sleep_for(std::chrono::milliseconds(3));
      EXPECT_TRUE(i == kTasks - 1 || loop.has_waiting());
      if (i == kTasks - 1) loop.post([&] { loop.stop(); });
    });
  loop.run();
  EXPECT_EQ(seen.size(), static_cast<size_t>(kTasks));
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_GT(seen_at_timer, 0);
  EXPECT_LT(seen_at_timer, kTasks);
}

TEST(Loop, a_loop_that_stops_runs_the_tasks_that_were_posted_before) {
  Loop loop;
  int seen = 0;
  for (int i = 0; i < 10; ++i)
    loop.post([&, i] {
      if (i == 0) loop.stop();
      ++seen;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
  loop.run();
  EXPECT_EQ(seen, 10);
}

// post() wakes the loop only if the mailbox was empty. If a thread saw a mailbox that the loop has just emptied, its
// task would be forgotten.
TEST(Loop, a_loop_that_sleeps_between_posts_of_many_threads_misses_none) {
  Loop loop;
  constexpr int kThreads = 4, kPosts = 5'000;
  int left = kThreads * kPosts;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < kPosts; ++n)
        loop.post([&] {
          if (--left == 0) loop.stop();
        });
    });
  loop.run();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(left, 0);
}

TEST(Loop, is_woken_once_for_posts_that_are_made_together) {
  Loop first, second;
  std::atomic<int> seen = 0;
  std::thread one([&] { first.run(); }), other([&] { second.run(); });
  {
    const Loop::WakesTogether together;
    for (Loop* loop : {&first, &second, &first}) loop->post([&] { ++seen; });
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    EXPECT_EQ(seen, 0) << "nobody is woken before all is told";
  }
  for (Loop* loop : {&first, &second}) loop->post([loop] { loop->stop(); });
  one.join();
  other.join();
  EXPECT_EQ(seen, 3);
}

TEST(Loop, is_woken_early_by_many_posts_that_are_made_together) {
  Loop loop;
  std::atomic<bool> is_seen = false;
  std::thread running([&] { loop.run(); });
  {
    const Loop::WakesTogether together;
    loop.post([&] { is_seen = true; });
    for (int i = 0; i < 1'000; ++i) loop.post([] {});
    for (int i = 0; i < 5'000 && !is_seen; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_TRUE(is_seen);
  }
  loop.post([&] { loop.stop(); });
  running.join();
}

TEST(Loop, knows_of_waiting_tasks_while_it_is_busy) {
  Loop loop;
  std::vector<bool> seen;
  loop.post([&] {
    seen.push_back(loop.has_waiting());
    loop.post([&] {
      seen.push_back(loop.has_waiting());
      loop.stop();
    });
    seen.push_back(loop.has_waiting());
  });
  loop.run();
  EXPECT_EQ(seen, std::vector({false, true, false}));
}

TEST(Loop, runs_deferred_tasks_when_the_turn_is_over) {
  Loop loop;
  std::vector<std::string> seen;
  loop.post([&] {
    loop.defer([&] {
      seen.push_back("deferred");
      loop.defer([&] {
        seen.push_back("deferred again");
        loop.stop();
      });
    });
    seen.push_back("task");
  });
  loop.run();
  EXPECT_EQ(seen, (std::vector<std::string>{"task", "deferred", "deferred again"}));
}

// Several kinds of work wait in slices. A kind waits for at most one slice of each other kind, even if another kind has
// many.
TEST(Loop, lets_kinds_of_work_take_turns) {
  Loop loop;
  std::vector<std::string> seen;
  loop.post([&] {
    for (int i = 0; i < 3; ++i) loop.post_slice("many", [&] { seen.push_back("many"); });
    for (int i = 0; i < 2; ++i) loop.post_slice("few", [&] { seen.push_back("few"); });
    loop.post_slice("last", [&] { seen.push_back("last"); });
    loop.post_slice("many", [&] { loop.stop(); });
  });
  loop.run();
  EXPECT_EQ(seen, (std::vector<std::string>{"many", "few", "last", "many", "few", "many"}));
}

// Long deferred work does not delay work in slices.
TEST(Loop, ends_a_turn_before_all_that_was_deferred_is_done) {
  Loop loop;
  std::vector<std::string> seen;
  loop.post([&] {
    for (int i = 0; i < 3; ++i)
      loop.defer([&] {
        seen.push_back("deferred");
        std::this_thread::sleep_for(std::chrono::milliseconds(3));
      });
    loop.defer([&] { loop.stop(); });
    loop.post_slice("work", [&] { seen.push_back("work"); });
  });
  loop.run();
  EXPECT_EQ(seen, (std::vector<std::string>{"deferred", "work", "deferred", "deferred"}));
}

// A thousand long deferred tasks must not delay a task that was deferred after them.
TEST(Loop, does_not_let_later_deferred_work_wait_for_all_earlier_work) {
  Loop loop;
  std::vector<std::string> seen;
  loop.post([&] {
    for (int i = 0; i < 4; ++i)
      loop.defer([&] {
        if (seen.empty()) loop.post([&] { loop.defer([&] { seen.push_back("later"); }); });
        seen.push_back("many");
        std::this_thread::sleep_for(std::chrono::milliseconds(3));
        if (seen.size() == 5) loop.stop();
      });
  });
  loop.run();
  EXPECT_EQ(seen, (std::vector<std::string>{"many", "many", "later", "many", "many"}));
}

// A message waits for at most one slice of work, however many slices are queued, because messages
// and slices take turns.
TEST(Loop, runs_slices_of_work_one_a_turn_behind_the_messages) {
  Loop loop;
  std::vector<std::string> seen;
  loop.post([&] {
    for (const char* name : {"slice 1", "slice 2", "slice 3"})
      loop.post_slice("test", [&, name] {
        seen.push_back(name);
        loop.post([&] { seen.push_back("message"); });
      });
    loop.post_slice("test", [&] { loop.stop(); });
    loop.post([&] { seen.push_back("message"); });
  });
  loop.run();
  EXPECT_EQ(seen, (std::vector<std::string>{"slice 1", "message", "message", "slice 2", "message",
                                            "slice 3", "message"}));
}

TEST(Loop, a_loop_that_is_stopped_before_it_runs_returns_at_once) {
  Loop loop;
  loop.stop();
  loop.run();
}

TEST(Loop, destroys_tasks_that_came_too_late) {
  auto held = std::make_shared<int>(1);
  {
    Loop loop;
    loop.post([held] {});
    loop.defer([held] {});
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Timer, calls_again_and_again_until_it_is_stopped) {
  Loop loop;
  int calls = 0;
  Timer timer(loop, "test", [&] {
    if (++calls == 3) loop.stop();
  });
  timer.start_every(1);
  EXPECT_TRUE(timer.is_running());
  loop.run();
  timer.stop();
  EXPECT_EQ(calls, 3);
  EXPECT_FALSE(timer.is_running());
}

// A timer that starts itself with no delay must leave time for all other work.
TEST(Timer, may_start_itself_at_once) {
  Loop loop;
  int calls = 0;
  bool is_over = false;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(loop, "test", [&] {
    ++calls;
    loop.post([&] { is_over = true; });
    if (is_over || calls > 1'000)
      loop.stop();
    else
      timer->start_once(0);
  });
  timer->start_once(0);
  loop.run();
  EXPECT_LT(calls, 100);
}

TEST(Timer, may_be_destroyed_in_its_own_call) {
  Loop loop;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(loop, "test", [&] {
    timer.reset();
    loop.stop();
  });
  timer->start_once(0);
  loop.run();
  EXPECT_EQ(timer, nullptr);
}
