#include "base/gate.h"

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace {

TEST(Gate, admits_until_it_is_closed) {
  Gate gate;
  const Gate::Pass early(gate);
  EXPECT_TRUE(early.is_admitted());
  gate.close();
  const Gate::Pass late(gate);
  EXPECT_FALSE(late.is_admitted());
  EXPECT_EQ(gate.count(), 2u) << "a refused user counts until it has got its refusal";
}

TEST(Gate, notifies_once_when_the_last_user_has_left) {
  Gate gate;
  int told = 0;
  std::optional<Gate::Pass> first(gate), second(gate);
  gate.close([&] { ++told; });
  first.reset();
  EXPECT_EQ(told, 0);
  second.reset();
  EXPECT_EQ(told, 1);
  { const Gate::Pass late(gate); }
  EXPECT_EQ(told, 1);
}

TEST(Gate, notifies_at_once_when_it_has_no_user) {
  Gate gate;
  { const Gate::Pass gone(gate); }
  int told = 0;
  gate.close([&] { ++told; });
  EXPECT_EQ(told, 1);
}

TEST(Gate, a_pass_that_was_moved_leaves_once) {
  Gate gate;
  Gate::Pass pass(gate);
  {
    const Gate::Pass moved = std::move(pass);
    EXPECT_TRUE(moved.is_admitted());
  }
  EXPECT_EQ(gate.count(), 0u);
}

TEST(Gate, waits_for_its_users_for_the_given_time) {
  Gate gate;
  std::optional<Gate::Pass> inside(gate);
  gate.close();
  EXPECT_FALSE(gate.wait_until_empty(std::chrono::milliseconds(1)));
  inside.reset();
  EXPECT_TRUE(gate.wait_until_empty(std::chrono::milliseconds(0)));
}

TEST(Gate, a_forgotten_waiter_is_not_notified) {
  Gate gate;
  int told = 0;
  std::optional<Gate::Pass> inside(gate);
  gate.close([&] { ++told; });
  gate.forget_waiter();
  inside.reset();
  EXPECT_EQ(told, 0);
}

// When the wait ends, all admitted work has ended, whatever other threads do at the same time.
TEST(Gate, after_the_wait_no_admitted_work_goes_on) {
  for (int round = 0; round < 20; ++round) {
    Gate gate;
    std::atomic<int> working = 0, done = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        while (true) {
          const Gate::Pass pass(gate);
          if (!pass.is_admitted()) return;
          ++working;
          std::this_thread::yield();
          --working;
          ++done;
        }
      });
    while (done == 0) std::this_thread::yield();
    gate.close();
    gate.wait_until_empty();
    EXPECT_EQ(working, 0);
    for (std::thread& thread : threads) thread.join();
  }
}

}  // namespace
