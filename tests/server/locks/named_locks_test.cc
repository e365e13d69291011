#include "server/locks/named_locks.h"

#include <gtest/gtest.h>

#include <optional>

using namespace server;

namespace {

struct LocalLocksTest : testing::Test {
  // A request for a lock, and its answer once there is one.
  struct Asked {
    std::optional<Result<NamedLocks::HoldPtr>> answer;
    NamedLocks::Place place;
    bool has_it() const { return answer && *answer && **answer != nullptr; }
  };
  void ask(Asked& asked, NamedLocks::Request request) {
    asked.place = locks.ask(std::move(request), [&](Result<NamedLocks::HoldPtr> hold) {
      asked.answer = std::move(hold);
    });
  }
  LocalLocks locks;
};

}  // namespace

TEST_F(LocalLocksTest, a_waiting_request_is_answered_when_the_holder_releases_the_lock) {
  Asked first, second;
  ask(first, {.name = "a"});
  ask(second, {.name = "a"});
  EXPECT_TRUE(first.has_it());
  EXPECT_FALSE(second.answer);
  first = {};
  ASSERT_TRUE(second.has_it());
  EXPECT_FALSE((**second.answer)->is_lost());
}

TEST_F(LocalLocksTest, a_request_that_does_not_wait_is_refused_and_leaves_no_trace) {
  Asked first, second, third;
  ask(first, {.name = "a"});
  ask(second, {.name = "a", .waits = false});
  ASSERT_TRUE(second.answer && *second.answer);
  EXPECT_EQ(**second.answer, nullptr);
  ask(third, {.name = "a"});
  first = {};
  EXPECT_TRUE(third.has_it());
}

TEST_F(LocalLocksTest, a_deadlock_is_an_error_of_the_request_that_closes_the_circle) {
  const int ann = 0, bob = 0;
  Asked a_of_ann, b_of_bob, b_of_ann, a_of_bob;
  ask(a_of_ann, {.name = "a", .owner = &ann});
  ask(b_of_bob, {.name = "b", .owner = &bob});
  ask(b_of_ann, {.name = "b", .owner = &ann});
  ask(a_of_bob, {.name = "a", .owner = &bob});
  ASSERT_TRUE(a_of_bob.answer && !*a_of_bob.answer);
  EXPECT_EQ(a_of_bob.answer->error().code, ErrorCode::Deadlock);
  EXPECT_FALSE(b_of_ann.answer);
}
