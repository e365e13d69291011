#include <gtest/gtest.h>

#include "tests/server/pg/conversation.h"

using namespace server::pg;
using People = std::vector<FakeBackend::Person>;

TEST(CopyIn, reads_csv_with_a_header) {
  Begun client;
  EXPECT_EQ(client.say(query("COPY people FROM STDIN WITH (FORMAT csv, HEADER)")), "G");
  EXPECT_EQ(client.say(copy_data("id,name\n1,Ada\n2,\"Grace \"\"H\"\"\"\n3,\n")), "");
  EXPECT_EQ(client.say(copy_done()), "C(COPY 3) Z(I)");
  EXPECT_EQ(client.backend.people, (People{{1, "Ada"}, {2, "Grace \"H\""}, {3, "(null)"}}));
  EXPECT_EQ(client.backend.copied_lines, (std::vector<uint64_t>{2, 3, 4}));
}

TEST(CopyIn, a_header_must_match_the_columns_if_the_client_asks_for_it) {
  const auto copied = [](const std::string& columns, const std::string& data) {
    Begun client;
    client.say(query("COPY people" + columns + " FROM STDIN WITH (FORMAT csv, HEADER MATCH)"));
    std::string heard = client.say(copy_data(data));
    heard += client.say(copy_done());
    return std::pair(heard, client.backend.people.size());
  };
  EXPECT_EQ(copied("", "id,name\n1,Ada\n"), std::pair(std::string("C(COPY 1) Z(I)"), size_t{1}));
  EXPECT_NE(
      copied("", "name,id\nAda,1\n")
          .first.find(
              "22P04 column name mismatch in header line field 1: got \"name\", expected \"id\""),
      std::string::npos)
      << copied("", "name,id\nAda,1\n").first;
  EXPECT_EQ(copied("", "name,id\n").second, 0);
  EXPECT_NE(
      copied("", "id\n1\n").first.find("wrong number of fields in header line: got 1, expected 2"),
      std::string::npos);
}

TEST(CopyIn, reads_text_cut_at_any_byte) {
  Begun client;
  client.say(query("COPY people FROM STDIN"));
  for (const char byte : std::string("1\ta\\tb\n2\t\\N\n3\tc")) client.say(copy_data({&byte, 1}));
  EXPECT_EQ(client.say(copy_done()), "C(COPY 3) Z(I)");
  EXPECT_EQ(client.backend.people, (People{{1, "a\tb"}, {2, "(null)"}, {3, "c"}}));
}

TEST(CopyIn, hands_json_lines_on_as_they_are) {
  Begun client;
  EXPECT_EQ(client.say(query("COPY people FROM STDIN (FORMAT json)")), "G");
  client.say(copy_data("{\"a\": 1}\n\n{\"a\""));
  client.say(copy_data(": 2}\r\n"));
  EXPECT_EQ(client.say(copy_done()), "C(COPY 2) Z(I)");
  EXPECT_EQ(client.backend.copied_json, (std::vector<std::string>{"{\"a\": 1}", "{\"a\": 2}"}));
  EXPECT_EQ(client.backend.copied_lines, (std::vector<uint64_t>{1, 3}));
}

TEST(CopyIn, names_line_and_column_of_a_bad_value_and_drops_the_rest) {
  Begun client;
  client.say(query("COPY people FROM STDIN (FORMAT csv)"));
  EXPECT_EQ(
      client.say(copy_data("1,a\n2x,b\n")),
      "E(22P02 invalid input for column ID (INTEGER): \"2x\" [COPY people, line 2, column id]) "
      "Z(I)");
  EXPECT_EQ(client.say(copy_data("3,c\n") + copy_done() + query("SELECT 1")),
            "T(?column?:23) D(1) C(SELECT 1) Z(I)");
  EXPECT_TRUE(client.backend.people.empty());
}

TEST(CopyIn, refuses_a_wrong_number_of_fields) {
  Begun client;
  client.say(query("COPY people FROM STDIN (FORMAT csv)"));
  EXPECT_EQ(client.say(copy_data("1\n")),
            "E(22P04 missing data for column \"name\" [COPY people, line 1]) Z(I)");
  client.say(copy_done());
  client.say(query("COPY people FROM STDIN (FORMAT csv)"));
  EXPECT_EQ(client.say(copy_data("1,a,b\n")),
            "E(22P04 extra data after last expected column [COPY people, line 1]) Z(I)");
}

// A zero byte is refused everywhere, because clients would read it as the end of the text.
TEST(CopyIn, takes_no_zero_bytes) {
  using namespace std::string_literals;
  for (const auto& [options, data] : std::vector<std::pair<std::string, std::string>>{
           {"FORMAT text", "1\ta\\x00b\n"},
           {"FORMAT text", "1\ta\\000b\n"},
           {"FORMAT text", "1\ta\0b\n"s},
           {"FORMAT csv", "1,\"a\0b\"\n"s},
           {"FORMAT json", "{\"a\": \"\0\"}\n"s},
           {"FORMAT binary", "PGCOPY\n\377\r\n\0"s + number32(0) + number32(0) + number16(2) +
                                 number32(4) + number32(1) + number32(3) + "a\0b"s}}) {
    Begun client;
    client.say(query("COPY people FROM STDIN (" + options + ")"));
    const std::string heard = client.say(copy_data(data) + copy_done());
    EXPECT_TRUE(heard.starts_with("E(22021 invalid byte sequence for encoding \"UTF8\": 0x00"))
        << options << ": " << heard;
    EXPECT_TRUE(client.backend.people.empty() && client.backend.copied_json.empty());
  }
}

TEST(CopyIn, ends_with_an_error_when_the_client_gives_up) {
  Begun client;
  client.say(query("COPY people FROM STDIN"));
  client.say(copy_data("1\ta\n"));
  EXPECT_EQ(client.say(message('f', text("no more"))),
            "E(57014 COPY from stdin failed: no more) Z(I)");
  EXPECT_TRUE(client.backend.people.empty());
}

TEST(CopyIn, can_be_canceled_while_it_waits_for_data) {
  Begun client;
  client.say(query("COPY people FROM STDIN"));
  client.session.cancel();
  EXPECT_EQ(client.hear(), "E(57014 canceling statement due to user request) Z(I)");
}

TEST(CopyIn, ignores_flush_and_sync_meanwhile) {
  Begun client;
  EXPECT_EQ(client.say(parse("COPY people FROM STDIN") + bind() + execute() + sync_up()), "1 2 G");
  EXPECT_EQ(client.say(copy_data("1\ta\n") + flush() + copy_done() + sync_up()), "C(COPY 1) Z(I)");
}

TEST(CopyIn, takes_no_other_message) {
  Begun client;
  client.say(query("COPY people FROM STDIN"));
  EXPECT_EQ(client.say(query("SELECT 1")),
            "E(08P01 unexpected message type 81 during COPY from stdin) Z(I)");
}

TEST(CopyIn, waits_for_a_backend_that_is_behind) {
  Begun client;
  client.backend.copy_asks_to_wait = true;
  client.say(query("COPY people FROM STDIN"));
  std::string rows;
  for (int i = 0; i < 5000; ++i) rows += std::to_string(i) + "\tx\n";
  client.say(copy_data(rows));
  EXPECT_EQ(client.say(copy_data("7\ty\n") + copy_done()), "");
  client.backend.copy_asks_to_wait = false;
  client.backend.let_go();
  EXPECT_EQ(client.hear(), "C(COPY 5001) Z(I)");
}

// The backend may ask for a pause in the middle of a message.
TEST(CopyIn, a_long_message_waits_for_a_backend_that_is_behind) {
  Begun client;
  client.backend.copy_asks_to_wait = true;
  client.say(query("COPY people FROM STDIN"));
  std::string rows;
  for (int i = 0; i < 200'000; ++i) rows += std::to_string(i) + "\tx\n";
  EXPECT_EQ(client.say(copy_data(rows) + copy_done()), "");
  size_t turns = 0;
  for (size_t before = 0; before < 200'000; ++turns) {
    const size_t copied = client.backend.copied_lines.size();
    ASSERT_GT(copied, before);
    ASSERT_LT(copied - before, 100'000u);
    before = copied;
    client.backend.let_go();
    const std::string answer = client.hear();
    if (!answer.empty()) {
      EXPECT_EQ(answer, "C(COPY 200000) Z(I)");
      break;
    }
  }
  EXPECT_GE(turns, 5u);
}

TEST(CopyIn, a_message_longer_than_the_queue_is_read_to_its_end) {
  Begun client;
  client.say(query("COPY people FROM STDIN"));
  std::string row = "1\tx";
  row.append(1'000'000, 'y');
  row += '\n';
  const std::string bytes = copy_data(row + row + row) + copy_done();
  for (size_t at = 0; at < bytes.size() - 100; at += 64 * 1024) {
    ASSERT_TRUE(client.session.wants_input()) << at;
    const std::string_view piece = std::string_view(bytes).substr(at, 64 * 1024);
    const std::string answer = client.say(piece);
    const bool is_last = at + piece.size() == bytes.size();
    EXPECT_EQ(answer, is_last ? "C(COPY 3) Z(I)" : "");
  }
}

TEST(CopyIn, a_long_message_does_not_hold_up_others) {
  Conversation client(SessionLimits{.max_run_us = 0});
  Conversation::begun(client);
  client.say(query("COPY people FROM STDIN"));
  std::string rows;
  for (int i = 0; i < 200'000; ++i) rows += std::to_string(i) + "\tx\n";
  client.session.receive(copy_data(rows) + copy_done());
  client.session.run();
  EXPECT_GT(client.backend.copied_lines.size(), 0u);
  EXPECT_LT(client.backend.copied_lines.size(), 100'000u);
  EXPECT_EQ(client.hear(), "C(COPY 200000) Z(I)");
}

// The rest of a long message that caused an error must not be read as further messages.
TEST(CopyIn, the_rest_of_a_long_message_with_an_error_is_left_out) {
  Begun client;
  std::string rows = "bad\n";
  for (int i = 0; i < 200'000; ++i) rows += std::to_string(i) + "\tx\n";
  client.say(query("COPY people FROM STDIN"));
  const std::string answer = client.say(copy_data(rows + rows) + copy_done());
  EXPECT_TRUE(answer.starts_with("E(22P04 missing data")) << answer;
  EXPECT_TRUE(answer.ends_with("Z(I)")) << answer;
  client.say(query("COPY people FROM STDIN"));
  EXPECT_EQ(client.say(copy_data("1\tx\n") + copy_done()), "C(COPY 1) Z(I)");
}

TEST(CopyIn, a_message_is_taken_as_it_comes) {
  Begun client;
  client.say(query("COPY people FROM STDIN"));
  for (const char byte : copy_data("1\ta\n2\tb\n") + copy_data("") + copy_data("3\tc"))
    EXPECT_EQ(client.say({&byte, 1}), "");
  EXPECT_EQ(client.say(copy_done()), "C(COPY 3) Z(I)");
  EXPECT_EQ(client.backend.people, (People{{1, "a"}, {2, "b"}, {3, "c"}}));
}

TEST(CopyIn, an_error_does_not_wait_for_the_end_of_its_message) {
  Begun client;
  client.say(query("COPY people FROM STDIN"));
  const std::string message = copy_data("1\ta\nx\tb\n3\tc\n4\td\n");
  const size_t some = message.size() - 6;
  EXPECT_TRUE(client.say(message.substr(0, some)).starts_with("E(22P02"));
  EXPECT_EQ(client.say(message.substr(some, 3)), "");
  EXPECT_EQ(client.say(message.substr(some + 3) + query("SELECT 1")),
            "T(?column?:23) D(1) C(SELECT 1) Z(I)");
}

TEST(CopyIn, a_line_of_delimiters_is_not_split) {
  Begun client;
  client.say(query("COPY people FROM STDIN (FORMAT csv)"));
  std::string line(10'000'000, ',');
  line += '\n';
  const std::string answer = client.say(copy_data(line));
  EXPECT_TRUE(answer.starts_with("E(22P04 extra data after last expected column")) << answer;
}

TEST(CopyIn, reports_a_failure_when_the_fate_of_its_rows_is_known) {
  Begun client;
  client.backend.copy_asks_to_wait = true;
  client.say(query("COPY people FROM STDIN"));
  std::string rows;
  for (int i = 0; i < 5000; ++i) rows += std::to_string(i) + "\tx\n";
  client.say(copy_data(rows));
  client.session.cancel();
  EXPECT_EQ(client.hear(), "");
  client.backend.let_go();
  EXPECT_EQ(client.hear(), "E(57014 canceling statement due to user request) Z(I)");
}

TEST(CopyIn, into_a_missing_relation_fails_at_once) {
  Begun client;
  EXPECT_EQ(client.say(query("COPY nosuch FROM STDIN")), "E(42P01 NOSUCH does not exist @6) Z(I)");
}

TEST(CopyOptions, are_checked) {
  Begun client;
  for (const auto& [options, answer] :
       std::vector<std::pair<std::string, std::string>>{{"FORMAT binary, HEADER", "E(42601 "},
                                                        {"FORMAT nosuch", "E(22023 "},
                                                        {"nosuch 1", "E(42601 "},
                                                        {"HEADER, HEADER", "E(42601 "},
                                                        {"QUOTE '\"'", "E(0A000 "},
                                                        {"ESCAPE 'xxx'", "E(0A000 "},
                                                        {"FORMAT csv, ESCAPE 'xxx'", "E(22023 "},
                                                        {"FORMAT csv, DELIMITER 'ab'", "E(22023 "},
                                                        {"ENCODING 'latin1'", "E(0A000 "}}) {
    const std::string heard = client.say(query("COPY people FROM STDIN (" + options + ")"));
    EXPECT_TRUE(heard.starts_with(answer)) << options << ": " << heard;
  }
}

TEST(CopyOut, writes_csv_and_quotes_special_values) {
  Begun client;
  client.backend.people = {{1, "plain"}, {2, "a,b"}, {3, "say \"hi\""}, {4, ""}, {5, "line\nend"}};
  EXPECT_EQ(client.say(query("COPY people TO STDOUT CSV HEADER")),
            "H d(id,name\\n) d(1,plain\\n) d(2,\"a,b\"\\n) d(3,\"say \"\"hi\"\"\"\\n) d(4,\"\"\\n) "
            "d(5,\"line\\nend\"\\n) c C(COPY 5) Z(I)");
}

TEST(CopyOut, writes_text_with_escapes) {
  Begun client;
  client.backend.people = {{1, "tab\tand\\"}};
  EXPECT_EQ(client.say(query("COPY (SELECT * FROM people) TO STDOUT")),
            "H d(1\\x09tab\\tand\\\\\\n) c C(COPY 1) Z(I)");
  EXPECT_EQ(client.say(query("COPY (SELECT NULL, 'x') TO STDOUT (DELIMITER '|')")),
            "H d(\\N|x\\n) c C(COPY 1) Z(I)");
}
