#include "server/locks/table_locks.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace server {
namespace {

using Mode = TableLocks::Mode;
using Hold = TableLocks::Hold;

struct TableLocksTest : testing::Test {
  // A session with its hold, once the hold is granted.
  struct Session {
    Hold hold;
    TableLocks::Place place;
  };
  void ask(Session& session, std::set<std::string> names, Mode mode) {
    auto asked =
        locks.ask(std::move(names), mode, [&](Hold hold) { session.hold = std::move(hold); });
    session.hold = std::move(asked.hold);
    session.place = std::move(asked.place);
  }
  TableLocks locks;
  Session a, b, c;
};

TEST_F(TableLocksTest, the_first_waiting_session_is_served_first) {
  ask(a, {"t"}, Mode::Exclusive);
  ask(b, {"t"}, Mode::Exclusive);
  ask(c, {"t"}, Mode::Exclusive);
  EXPECT_TRUE(a.hold);
  EXPECT_FALSE(b.hold);
  a.hold = nullptr;
  EXPECT_TRUE(b.hold);
  EXPECT_FALSE(c.hold);
  b.hold = nullptr;
  EXPECT_TRUE(c.hold);
}

// Each session has a lock for which another one waits.
TEST_F(TableLocksTest, a_deadlock_is_reported) {
  const auto ask_as = [&](Session& session, std::set<std::string> names) {
    auto asked = locks.ask(
        std::move(names), Mode::Exclusive, [](Hold) {}, &session);
    if (asked.hold) session.hold = std::move(asked.hold);
    session.place = std::move(asked.place);
    return asked.is_deadlock;
  };
  EXPECT_FALSE(ask_as(a, {"t"}));
  EXPECT_FALSE(ask_as(b, {"u"}));
  EXPECT_FALSE(ask_as(c, {"v"}));
  EXPECT_FALSE(ask_as(a, {"u"})) << "it waits";
  EXPECT_FALSE(ask_as(b, {"v"})) << "it waits";
  Session d;
  EXPECT_FALSE(ask_as(d, {"t"})) << "it waits, and nobody for it";
  EXPECT_TRUE(ask_as(c, {"w", "t"}));
  EXPECT_TRUE(locks.ask({"w"}, Mode::Exclusive, [](Hold) {}).hold) << "nothing is left of it";
  c.hold = nullptr;
  EXPECT_FALSE(ask_as(c, {"t"})) << "it has nothing any more";
}

// An append may hold the lock of a statement that has ended.
TEST_F(TableLocksTest, a_wait_that_ends_by_itself_is_no_deadlock) {
  const auto ask_as = [&](Session& session) {
    auto asked = locks.ask(
        {"t"}, Mode::Exclusive, [](Hold) {}, &session);
    if (asked.hold) session.hold = std::move(asked.hold);
    session.place = std::move(asked.place);
    return asked.is_deadlock;
  };
  ask_as(a);
  EXPECT_FALSE(ask_as(b));
  locks.disown(&a);
  Hold appending = std::move(a.hold);
  EXPECT_FALSE(ask_as(a)) << "behind b";
  appending = nullptr;
}

TEST_F(TableLocksTest, locks_of_other_names_do_not_conflict) {
  ask(a, {"t"}, Mode::Exclusive);
  ask(b, {"u"}, Mode::Exclusive);
  EXPECT_TRUE(b.hold);
}

TEST_F(TableLocksTest, all_names_or_none) {
  ask(a, {"u"}, Mode::Exclusive);
  ask(b, {"t", "u"}, Mode::Exclusive);
  ask(c, {"t"}, Mode::Exclusive);
  EXPECT_FALSE(b.hold);
  EXPECT_FALSE(c.hold) << "it came behind who waits for both";
  a.hold = nullptr;
  EXPECT_TRUE(b.hold);
  b.hold = nullptr;
  EXPECT_TRUE(c.hold);
}

TEST_F(TableLocksTest, a_withdrawn_request_delays_no_other) {
  ask(a, {"t"}, Mode::Exclusive);
  ask(b, {"t"}, Mode::Exclusive);
  ask(c, {"t"}, Mode::Exclusive);
  b.place.leave();
  a.hold = nullptr;
  EXPECT_FALSE(b.hold);
  EXPECT_TRUE(c.hold);
}

TEST_F(TableLocksTest, readers_go_together_and_not_with_writers) {
  ask(a, {"t"}, Mode::Readers);
  ask(b, {"t"}, Mode::Readers);
  ask(c, {"t"}, Mode::Writers);
  EXPECT_TRUE(b.hold);
  EXPECT_FALSE(c.hold);
  Session late;
  ask(late, {"t"}, Mode::Readers);
  EXPECT_FALSE(late.hold) << "writers would wait for ever";
  a.hold = nullptr;
  EXPECT_FALSE(c.hold);
  b.hold = nullptr;
  EXPECT_TRUE(c.hold);
  c.hold = nullptr;
  EXPECT_TRUE(late.hold);
}

}  // namespace
}  // namespace server
