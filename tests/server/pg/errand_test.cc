// Tests that long statements are processed on another thread. The conversation is the same, and the
// client can end it at any moment.
#include <gtest/gtest.h>

#include "tests/server/pg/conversation.h"

namespace server::pg {
namespace {

SessionLimits with_text_on_loop(size_t bytes) {
  SessionLimits limits;
  limits.max_text_on_loop = bytes;
  return limits;
}

// A conversation in which every statement is parsed on another thread.
struct Aside : Conversation {
  Aside() : Conversation(with_text_on_loop(5)) { begun(*this); }
};

const std::string kLong = "SELECT 'LONG' AS word";
const std::string kAnswer = "T(WORD:25) D(LONG) C(SELECT 1) ";

TEST(Errands, a_long_statement_is_answered_like_a_short_one) {
  Aside client;
  EXPECT_EQ(client.say(query(kLong)), kAnswer + "Z(I)");
  EXPECT_EQ(client.backend.errands_done, 2u);  // one to parse, one to prepare
  EXPECT_EQ(client.say(query(kLong + "; SELECT 2; " + kLong)),
            kAnswer + "T(?column?:23) D(2) C(SELECT 1) " + kAnswer + "Z(I)");
  EXPECT_EQ(client.say(query("      ")), "I Z(I)");
  EXPECT_EQ(client.say(parse(kLong) + bind() + describe_portal() + execute() + sync_up()),
            "1 2 T(WORD:25) D(LONG) C(SELECT 1) Z(I)");
}

TEST(Errands, errors_are_sent_in_their_place) {
  Aside client;
  EXPECT_TRUE(client.say(query("SELECT 1; SELEC 2")).starts_with("E(42601 "));
  EXPECT_TRUE(client.say(query("SELECT 'LONG' FROM nosuch"))
                  .starts_with("E(42P01 NOSUCH does not exist @20"));
  EXPECT_TRUE(
      client.say(parse("SELECT 'LONG' FROM nosuch") + bind() + sync_up()).starts_with("E(42P01 "));
  EXPECT_EQ(client.say(query(kLong)), kAnswer + "Z(I)");
}

TEST(Errands, messages_that_arrive_meanwhile_wait_their_turn) {
  Aside client;
  client.backend.holds_errands = true;
  EXPECT_EQ(client.say(query(kLong) + query("SELECT 2")), "");
  client.backend.holds_errands = false;
  client.backend.let_go();
  EXPECT_EQ(client.hear(), kAnswer + "Z(I) T(?column?:23) D(2) C(SELECT 1) Z(I)");
}

// A parameter may be a document or an array of megabytes.
TEST(Errands, long_parameters_are_read_elsewhere) {
  SessionLimits limits;
  limits.max_parameters_on_loop = 100;
  Conversation client(limits);
  Conversation::begun(client);
  const auto insert = [](const std::string& id) {
    return parse("INSERT INTO people VALUES ($1, $2)") + bind({id, "Ada"}) + execute() + sync_up();
  };
  const std::string answer = client.say(insert("1"));
  EXPECT_EQ(client.backend.errands_done, 0u);
  const std::string blanks(200, ' ');
  EXPECT_EQ(client.say(insert(blanks + "1")), answer);
  EXPECT_EQ(client.backend.errands_done, 1u);
  EXPECT_TRUE(client.say(insert(std::string(200, 'x'))).starts_with("1 E(22P02 "));
  client.backend.holds_errands = true;
  EXPECT_EQ(client.say(insert(blanks + "1")), "1");
  client.session.cancel();
  EXPECT_EQ(client.hear(), "E(57014 canceling statement due to user request) Z(I)");
  client.backend.holds_errands = false;
  client.backend.let_go();
  EXPECT_EQ(client.say(insert("1")), answer);
}

// A worker may run the errand after the client has left and the session's memory account is
// destroyed.
TEST(Errands, the_reading_of_long_parameters_is_not_charged_to_the_session) {
  MemoryBudget budget(size_t{64} << 20);
  MemoryAccount account(budget);
  SessionLimits limits;
  limits.max_parameters_on_loop = 100;
  Conversation client(limits, &account);
  Conversation::begun(client);
  client.backend.holds_errands = true;
  const std::string blanks(100'000, ' ');
  client.say(parse("INSERT INTO people VALUES ($1, $2)") + bind({blanks + "1", "Ada"}) + sync_up());
  EXPECT_GT(account.held_bytes(), blanks.size());
  client.session.cancel();
  EXPECT_EQ(client.hear(), "E(57014 canceling statement due to user request) Z(I)");
  client.say(query("DEALLOCATE ALL"));
  EXPECT_LE(account.held_bytes(), 8192u) << "the worker still has what it was given";
  client.backend.holds_errands = false;
  client.backend.let_go();
}

// Freeing 100,000 statements takes longer than a loop should be blocked.
TEST(Errands, the_rest_of_a_long_script_after_an_error_is_freed_on_another_thread) {
  Begun client;
  const auto ends_with_error = [&](int rest) {
    std::string text = "SELECT 2 FROM nosuch;";
    for (int i = 0; i < rest; ++i) text += "SELECT 2;";
    EXPECT_TRUE(client.say(query(text)).starts_with("E(42P01 "));
  };
  ends_with_error(3);
  EXPECT_EQ(client.backend.errands_done, 0u);
  ends_with_error(300);
  EXPECT_EQ(client.backend.errands_done, 1u);
  client.backend.is_full = true;  // now the loop itself must free the statements
  ends_with_error(300);
  EXPECT_EQ(client.say(query("SELECT 2")), "T(?column?:23) D(2) C(SELECT 1) Z(I)");
}

TEST(Errands, prepared_statements_by_the_hundred_are_freed_elsewhere) {
  Begun client;
  for (int i = 0; i < 100; ++i) client.say(parse("SELECT 2", "s" + std::to_string(i)));
  client.say(sync_up() + query("DEALLOCATE ALL"));
  EXPECT_EQ(client.backend.errands_done, 1u);
  EXPECT_TRUE(client.say(bind({}, {.statement = "s7"}) + sync_up()).starts_with("E(26000 "));
  client.say(query("DEALLOCATE ALL"));
  EXPECT_EQ(client.backend.errands_done, 1u) << "there are none";
}

TEST(Errands, a_cancel_ends_the_wait_at_once) {
  Aside client;
  client.backend.holds_errands = true;
  for (const std::string& wait : {query(kLong), parse(kLong) + bind() + execute() + sync_up()}) {
    EXPECT_EQ(client.say(wait), "");
    client.session.cancel();
    EXPECT_EQ(client.hear(), "E(57014 canceling statement due to user request) Z(I)");
  }
  client.backend.holds_errands = false;
  client.backend.let_go();
  EXPECT_EQ(client.backend.errands_done, 0u);
  EXPECT_EQ(client.say(query(kLong)), kAnswer + "Z(I)");
}

TEST(Errands, a_statement_timeout_ends_the_wait_too) {
  Aside client;
  client.say(query("SET statement_timeout = 1000"));
  client.backend.holds_errands = true;
  EXPECT_EQ(client.say(query(kLong)), "");
  client.pass_ms(2'000);
  EXPECT_EQ(client.hear(), "E(57014 canceling statement due to statement timeout) Z(I)");
}

TEST(Errands, a_statement_that_finds_the_queue_full_is_refused_with_the_reason) {
  Aside client;
  client.backend.is_full = true;
  EXPECT_EQ(client.say(query(kLong)), "E(53400 too many long statements are queued) Z(I)");
  client.backend.is_full = false;
  EXPECT_EQ(client.say(query(kLong)), kAnswer + "Z(I)");
}

TEST(Errands, the_session_may_end_before_its_errand) {
  auto client = std::make_unique<Aside>();
  client->backend.holds_errands = true;
  client->say(query(kLong));
  client->session.shut_down({ErrorCode::ShuttingDown, "the server stops"});
  EXPECT_EQ(client->hear(), "E(57P01 FATAL the server stops)");
  client->backend.let_go();
  EXPECT_EQ(client->backend.errands_done, 0u);
}

// If a message has many statements, the loop processes them in slices.
TEST(Errands, many_statements_in_one_message_are_done_in_slices) {
  struct TickingClock final : Clock {
    int64_t wall_ms() const override { return 0; }
    int64_t monotonic_us() const override { return now_us += 100; }
    mutable int64_t now_us = 0;
  };
  struct Host final : SessionHost {
    void wake() override { ++wakes; }
    int wakes = 0;
  };
  struct Peers final : SessionPeers {
    void cancel_session(SessionKey) override {}
    std::shared_ptr<Notifications> notifications() override { return nullptr; }
    NamedLocks& locks() override { return own_locks; }
    LocalLocks own_locks;
    std::function<void()> waker_of(SessionKey) override {
      return [] {};
    }
  };
  TickingClock clock;
  Host host;
  Peers peers;
  FakeBackend backend;
  Session session(backend, host, peers, clock, SessionKey{1, 2});
  session.receive(startup({{"user", "ada"}}));
  session.run();
  session.take_output();
  std::string many;
  for (int i = 0; i < 1'000; ++i) many += "SELECT 1;";
  session.receive(query(many));
  host.wakes = 0;
  std::string heard;
  int turns = 0;
  for (int wakes = -1; wakes != host.wakes; ++turns) {
    wakes = host.wakes;
    session.run();
    const std::string output = session.take_output();
    EXPECT_LT(output.size(), 8'000u);
    heard += output;
  }
  EXPECT_GT(turns, 50);
  const std::string words = in_words(heard);
  EXPECT_TRUE(words.ends_with("C(SELECT 1) Z(I)")) << words.substr(words.size() - 100);
}

}  // namespace
}  // namespace server::pg
