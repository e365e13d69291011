#include "server/pg/notifications.h"

#include <gtest/gtest.h>

#include "tests/server/pg/conversation.h"

namespace server::pg {
namespace {

struct NotificationsTest : testing::Test {
  NotificationsTest() { listener.channels = sender.channels; }
  static std::string answer(std::string_view channel, std::string_view payload) {
    return "A(" + std::string(channel) + "," + std::string(payload) + ")";
  }
  Begun sender, listener;
};

TEST_F(NotificationsTest, reach_listening_sessions) {
  EXPECT_EQ(listener.say(query("LISTEN news")), "C(LISTEN) Z(I)");
  EXPECT_EQ(sender.say(query("NOTIFY news, 'one'")), "C(NOTIFY) Z(I)");
  sender.say(query("NOTIFY News; NOTIFY \"News\", 'another channel'; NOTIFY other, 'likewise'"));
  EXPECT_EQ(listener.hear(), answer("news", "one") + " " + answer("news", ""));
  EXPECT_EQ(listener.say(query("UNLISTEN news")), "C(UNLISTEN) Z(I)");
  sender.say(query("NOTIFY news, 'two'"));
  EXPECT_EQ(listener.hear(), "");
}

// libpq reads notifications after each answer.
TEST_F(NotificationsTest, precede_the_end_of_an_answer) {
  EXPECT_EQ(sender.say(query("LISTEN a; LISTEN b; LISTEN a; NOTIFY a, 'to myself'")),
            "C(LISTEN) C(LISTEN) C(LISTEN) C(NOTIFY) " + answer("a", "to myself") + " Z(I)");
  listener.say(query("LISTEN a"));
  sender.say(query("NOTIFY a, 'x'"));
  EXPECT_EQ(listener.hear(), answer("a", "x"));
  EXPECT_EQ(listener.say(parse("SELECT 1")), "1");
  sender.say(query("NOTIFY a, 'y'"));
  EXPECT_EQ(listener.hear(), "") << "it is in the middle of its messages";
  EXPECT_EQ(listener.say(sync_up()), answer("a", "y") + " Z(I)");
}

TEST_F(NotificationsTest, are_sent_with_the_commit) {
  listener.say(query("LISTEN news"));
  sender.say(query("BEGIN; NOTIFY news, 'a'; NOTIFY news, 'b'; NOTIFY news, 'a'"));
  EXPECT_EQ(listener.hear(), "");
  sender.say(query("COMMIT"));
  EXPECT_EQ(listener.hear(), answer("news", "a") + " " + answer("news", "b"));
  sender.say(query("BEGIN; NOTIFY news, 'c'; ROLLBACK"));
  sender.say(query("BEGIN; NOTIFY news, 'd'; SELECT nonsense FROM nowhere"));
  EXPECT_EQ(sender.say(query("COMMIT")), "C(ROLLBACK) Z(I)");
  EXPECT_EQ(listener.hear(), "");
}

TEST_F(NotificationsTest, wait_for_the_end_of_the_listener_s_transaction) {
  listener.say(query("LISTEN news; BEGIN; LISTEN other; UNLISTEN news"));
  sender.say(query("NOTIFY news, 'a'; NOTIFY other, 'too early'"));
  EXPECT_EQ(listener.hear(), "");
  EXPECT_EQ(listener.say(query("SELECT 1")), "T(?column?:23) D(1) C(SELECT 1) Z(T)");
  EXPECT_EQ(listener.say(query("COMMIT")), "C(COMMIT) " + answer("news", "a") + " Z(I)");
  sender.say(query("NOTIFY news, 'b'; NOTIFY other, 'c'"));
  EXPECT_EQ(listener.hear(), answer("other", "c"));
  listener.say(query("BEGIN; UNLISTEN *; ROLLBACK"));
  sender.say(query("NOTIFY other, 'd'"));
  EXPECT_EQ(listener.hear(), answer("other", "d"));
  listener.say(query("DISCARD ALL"));
  sender.say(query("NOTIFY other, 'e'"));
  EXPECT_EQ(listener.hear(), "");
}

TEST_F(NotificationsTest, cannot_be_taken_back_alone) {
  sender.say(query("BEGIN; SAVEPOINT s; NOTIFY news"));
  EXPECT_EQ(sender.say(query("ROLLBACK TO s")).substr(0, 8), "E(0A000 ");
}

TEST_F(NotificationsTest, have_bounds) {
  EXPECT_EQ(sender.say(query("NOTIFY news, '" + std::string(8000, 'x') + "'")),
            "E(22023 payload string too long) Z(I)");
  EXPECT_EQ(sender.say(query("NOTIFY news, '" + std::string(7999, 'x') + "'")), "C(NOTIFY) Z(I)");
  EXPECT_EQ(sender.say(query("LISTEN " + std::string(64, 'x'))),
            "E(22023 channel name too long) Z(I)");
}

// A listener in a transaction does not block senders. Its connection ends with an error, because it has missed
// notifications.
TEST_F(NotificationsTest, a_session_that_does_not_read_is_ended) {
  listener.say(query("LISTEN news"));
  listener.say(query("BEGIN"));
  const std::string one = query("NOTIFY news, '" + std::string(7000, 'x') + "'");
  for (size_t sent = 0; sent < Mailbox::kMostBytes; sent += 7000)
    ASSERT_EQ(sender.say(one), "C(NOTIFY) Z(I)");
  EXPECT_EQ(listener.say(query("ROLLBACK")),
            "C(ROLLBACK) E(54000 FATAL terminating connection: too many notifications are queued)");
  EXPECT_TRUE(listener.session.is_over());
}

TEST(Mailboxes, share_their_contents) {
  const auto channels = std::make_shared<Notifications>();
  int wakes = 0;
  std::vector<std::unique_ptr<SessionNotifications>> sessions;
  for (int i = 0; i < 20; ++i) {
    sessions.push_back(std::make_unique<SessionNotifications>(channels, [&] { ++wakes; }));
    sessions.back()->listen("news");
  }
  const std::string payload(7000, 'x');
  for (int i = 0; i < 1000; ++i) sessions[0]->notify({1, "news", payload});
  EXPECT_EQ(wakes, 20) << "once each, until they look";
  EXPECT_LE(channels->waiting_bytes(), Mailbox::kMostOfAll);
  size_t missed = 0;
  for (const auto& session : sessions) missed += session->take(1) ? 0 : 1;
  EXPECT_EQ(missed, 0u) << "7 MB each";
  for (int i = 0; i < 2000; ++i) sessions[0]->notify({1, "news", payload});
  EXPECT_LE(channels->waiting_bytes(), Mailbox::kMostOfAll);
  for (const auto& session : sessions) missed += session->take(1) ? 0 : 1;
  EXPECT_EQ(missed, 20u) << "14 MB each";
  sessions.clear();
  EXPECT_EQ(channels->waiting_bytes(), 0u);
}

}  // namespace
}  // namespace server::pg
