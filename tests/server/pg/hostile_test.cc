// Tests bytes that no client should send: each case gets one clear error and has no other effect.
#include <gtest/gtest.h>

#include <random>

#include "tests/server/pg/conversation.h"

using namespace server::pg;

TEST(BadInput, an_unknown_message_type_ends_the_session) {
  Begun client;
  EXPECT_EQ(client.say("yellow"), "E(08P01 FATAL invalid frontend message type 121)");
  EXPECT_TRUE(client.session.is_over());
}

TEST(BadInput, a_huge_length_is_refused_before_the_message_arrives) {
  Begun client;
  EXPECT_EQ(client.say("Q\x7f\xff\xff\xff"), "E(08P01 FATAL invalid message length 2147483647)");
  EXPECT_TRUE(client.session.is_over());
}

TEST(BadInput, a_length_that_does_not_include_itself_is_refused) {
  Begun client;
  EXPECT_EQ(client.say(std::string("Q\0\0\0\3", 5)), "E(08P01 FATAL invalid message length 3)");
}

TEST(BadInput, inside_a_message_is_an_error_of_that_message) {
  const std::string kMessages[] = {
      message('P', "no end"),
      message('B', text("") + text("") + number16(0) + number16(30'000) + number16(0)),
      message('B', text("") + text("") + number16(0) + number16(1) + number32(1'000'000)),
      message('D', "Xname"),
      message('E', text("")),
      message('C', ""),
  };
  for (const std::string& bad : kMessages) {
    Begun client;
    const std::string answer = client.say(parse("SELECT 1") + bad + sync_up());
    EXPECT_TRUE(answer.starts_with("1 E(08P01 ")) << answer;
    EXPECT_TRUE(answer.ends_with(" Z(I)")) << answer;
  }
}

// The message has a valid form: PostgreSQL 15 reports a wrong value, not a wrong message.
TEST(BadInput, a_format_that_is_none_is_a_wrong_value) {
  Begun client;
  const std::string bind =
      message('B', text("") + text("") + number16(1) + number16(7) + number16(0) + number16(0));
  EXPECT_EQ(client.say(parse("SELECT 1") + bind + sync_up()),
            "1 E(22023 unsupported format code: 7) Z(I)");
}

TEST(BadInput, a_query_without_its_end_ends_the_session) {
  Begun client;
  EXPECT_TRUE(client.say(message('Q', "SELECT 1")).starts_with("E(08P01 FATAL "));
}

TEST(BadInput, the_fast_path_is_refused_politely) {
  Begun client;
  EXPECT_TRUE(client.say(message('F', "anything")).starts_with("E(0A000 "));
  EXPECT_EQ(client.say(query("SELECT 1")), "T(?column?:23) D(1) C(SELECT 1) Z(I)");
}

TEST(BadInput, a_statement_that_is_not_utf8_is_an_error) {
  Begun client;
  const std::string answer = client.say(query("SELECT '\xff\xfe'"));
  EXPECT_TRUE(answer.starts_with("E(")) << answer;
  EXPECT_TRUE(answer.ends_with(" Z(I)"));
}

TEST(BadInput, a_statement_that_is_too_long_is_refused_unread) {
  Begun client;
  EXPECT_EQ(client.say(query("SELECT '" + std::string(5 << 20, 'x') + "'")),
            "E(54000 the statement is longer than 4 MB) Z(I)");
}

// Each seed is one connection; its answers do not matter, only that the session survives.
TEST(BadInput, at_random_does_no_harm) {
  const std::string kPieces[] = {startup({{"user", "ada"}}),
                                 query("SELECT 1"),
                                 parse("SELECT $1"),
                                 bind({"1"}),
                                 describe_portal(),
                                 execute(1),
                                 sync_up(),
                                 flush(),
                                 query("COPY people FROM STDIN"),
                                 copy_data("1\ta\n"),
                                 copy_done(),
                                 query("SELECT * FROM ticks EMIT CHANGES"),
                                 terminate()};
  for (uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    Conversation client;
    if (seed % 3 != 0) Conversation::begun(client);
    for (int i = 0; i < 12 && !client.session.is_over(); ++i) {
      std::string bytes = kPieces[random() % std::size(kPieces)];
      if (random() % 2 == 0) bytes[random() % bytes.size()] = static_cast<char>(random());
      if (random() % 5 == 0) bytes.resize(random() % (bytes.size() + 1));
      client.hear_bytes(bytes);
      if (random() % 4 == 0) client.backend.tick();
      if (random() % 7 == 0) client.session.cancel();
    }
  }
}
