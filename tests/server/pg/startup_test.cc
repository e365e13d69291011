#include <gtest/gtest.h>

#include "tests/server/pg/conversation.h"

using namespace server::pg;

TEST(Startup, answers_with_the_parameters_that_drivers_look_for) {
  Conversation client;
  EXPECT_EQ(
      client.say(startup({{"user", "ada"}, {"database", "db"}, {"client_encoding", "'utf-8'"}})),
      "R S(application_name=) S(client_encoding=UTF8) S(DateStyle=ISO, MDY) "
      "S(default_transaction_read_only=off) S(in_hot_standby=off) S(integer_datetimes=on) "
      "S(IntervalStyle=postgres) S(is_superuser=off) S(server_encoding=UTF8) "
      "S(server_version=15.0 (Millrace 0.1.0)) S(session_authorization=ada) "
      "S(standard_conforming_strings=on) S(TimeZone=UTC) K Z(I)");
  EXPECT_EQ(client.backend.last_session.user, "ada");
  EXPECT_EQ(client.backend.last_session.database, "db");
}

TEST(Startup, refuses_encryption_and_goes_on_in_clear_text) {
  Conversation client;
  EXPECT_EQ(client.hear_bytes(number32(8) + number32(80877104)), "N");
  EXPECT_EQ(client.hear_bytes(number32(8) + number32(80877103)), "N");
  EXPECT_TRUE(client.say(startup({{"user", "ada"}})).ends_with("K Z(I)"));
  EXPECT_EQ(client.backend.last_session.database, "ada");
}

TEST(Startup, takes_a_packet_that_comes_byte_by_byte) {
  Conversation client;
  std::string heard;
  for (const char byte : startup({{"user", "ada"}})) heard += client.say({&byte, 1});
  EXPECT_TRUE(heard.ends_with("Z(I)"));
}

TEST(Startup, negotiates_a_newer_minor_version_and_unknown_options) {
  Conversation client;
  EXPECT_TRUE(client.say(startup({{"user", "ada"}, {"_pq_.foo", "1"}}, (3 << 16) | 2))
                  .starts_with("v R S"));
}

TEST(Startup, applies_the_options) {
  Conversation client;
  client.say(
      startup({{"user", "ada"}, {"options", "-c push.timeout=5s --push.max-rows=7 -c x.y=a\\ b"}}));
  EXPECT_EQ(client.say(query("SHOW push.timeout")), "T(push.timeout:25) D(5s) C(SHOW) Z(I)");
  EXPECT_EQ(client.say(query("SHOW push.max_rows")), "T(push.max_rows:25) D(7) C(SHOW) Z(I)");
  EXPECT_EQ(client.say(query("SHOW x.y")), "T(x.y:25) D(a b) C(SHOW) Z(I)");
}

TEST(Startup, ignores_parameters_that_only_a_driver_knows) {
  Conversation client;
  EXPECT_TRUE(client.say(startup({{"user", "ada"}, {"nosuch", "1"}})).ends_with("Z(I)"));
}

TEST(Startup, an_unsupported_one_ends_with_a_fatal_error) {
  const std::pair<std::string, std::string> kCases[] = {
      {startup({{"user", "ada"}}, 4 << 16), "E(0A000 FATAL unsupported frontend protocol 4.0"},
      {startup({{"database", "db"}}), "E(28000 FATAL no PostgreSQL user name"},
      {startup({{"user", "ada"}, {"replication", "database"}}), "E(0A000 FATAL the replication"},
      {startup({{"user", "ada"}, {"database", "nowhere"}}), "R E(3D000 FATAL database"},
      {startup({{"user", "ada"}, {"client_encoding", "WAT"}}), "R E(22023 FATAL invalid value"},
      {"EHLO localhost\r\n", "E(08P01 FATAL invalid length of startup packet"},
      {number32(7) + "xxxx", "E(08P01 FATAL invalid length of startup packet"},
      {number32(12) + number32(3 << 16) + "user", "E(08P01 FATAL invalid startup packet layout"},
  };
  for (const auto& [sent, answer] : kCases) {
    Conversation client;
    EXPECT_TRUE(client.say(sent).starts_with(answer)) << answer;
    EXPECT_TRUE(client.session.is_over());
  }
}

TEST(Startup, passes_on_a_cancel_request_and_sends_no_answer) {
  Conversation client;
  EXPECT_EQ(client.say(number32(16) + number32(80877102) + number32(7) + number32(99)), "");
  EXPECT_EQ(client.cancels, (std::vector<SessionKey>{{7, 99}}));
  EXPECT_TRUE(client.session.is_over());
}

TEST(Startup, does_not_wait_for_ever) {
  Conversation client;
  ASSERT_TRUE(client.session.deadline_us());
  client.pass_ms(61'000);
  EXPECT_EQ(client.hear(), "");
  EXPECT_TRUE(client.session.is_over());
}

// The client does not read the answers, so the session makes no progress while time passes.
TEST(Startup, does_not_wait_for_ever_for_a_client_that_does_not_read) {
  Conversation client;
  client.session.set_output_full(true);
  client.say(number32(8) + number32(80877103));
  client.pass_ms(61'000);
  client.hear();
  EXPECT_TRUE(client.session.is_over());
}
