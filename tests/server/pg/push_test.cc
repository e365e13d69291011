// Tests results without an end: push queries, cursors over them, limits and cancellation.
#include <gtest/gtest.h>

#include "tests/server/pg/conversation.h"

using namespace server::pg;

namespace {
constexpr std::string_view kPush = "SELECT * FROM ticks EMIT CHANGES";
constexpr std::string_view kHead = "T(n:23,word:25)";
}  // namespace

TEST(PushQuery, is_described_at_once_and_sends_each_row_as_it_comes) {
  Begun client;
  EXPECT_EQ(client.say(query(kPush)), kHead);
  client.backend.tick();
  EXPECT_EQ(client.hear(), "D(1,tick1)");
  client.backend.tick();
  EXPECT_EQ(client.hear(), "D(2,tick2)");
}

TEST(PushQuery, ends_with_an_error_when_it_is_canceled_and_the_session_goes_on) {
  Begun client;
  client.say(query(kPush));
  client.session.cancel();
  EXPECT_EQ(client.hear(), "E(57014 canceling statement due to user request) Z(I)");
  EXPECT_EQ(client.backend.running_pushes(), 0u);
  EXPECT_EQ(client.say(query("SELECT 1")), "T(?column?:23) D(1) C(SELECT 1) Z(I)");
  client.session.cancel();  // cancels while no statement runs
  EXPECT_EQ(client.hear(), "");
}

TEST(PushQuery, ends_in_silence_when_the_client_leaves) {
  Begun client;
  client.say(query(kPush));
  EXPECT_EQ(client.say(terminate()), "");
  EXPECT_TRUE(client.session.is_over());
}

TEST(PushQuery, keeps_messages_that_the_client_sends_meanwhile) {
  Begun client;
  client.say(query(kPush));
  EXPECT_EQ(client.say(query("SELECT 1")), "");
  client.session.cancel();
  EXPECT_EQ(client.hear(),
            "E(57014 canceling statement due to user request) Z(I) "
            "T(?column?:23) D(1) C(SELECT 1) Z(I)");
}

TEST(PushQuery, stops_reading_when_too_much_waits) {
  Begun client;
  client.say(query(kPush));
  EXPECT_TRUE(client.session.wants_input());
  client.session.receive(std::string(2 << 20, 'x'));
  EXPECT_FALSE(client.session.wants_input());
}

TEST(PushQuery, pauses_while_the_client_does_not_read) {
  Begun client;
  client.say(query(kPush));
  client.session.set_output_full(true);
  client.backend.tick();
  EXPECT_EQ(client.hear(), "");
  client.session.set_output_full(false);
  client.backend.tick();
  EXPECT_EQ(client.hear(), "D(2,tick2)");
}

TEST(PushQuery, ends_at_its_limit) {
  Begun client("psql");
  EXPECT_EQ(client.say(query("SELECT * FROM ticks EMIT CHANGES LIMIT 1")), kHead);
  client.backend.tick();
  EXPECT_EQ(client.hear(), "D(1,tick1) C(SELECT 1) Z(I)");
}

TEST(PushQuery, ends_normally_after_push_max_rows) {
  Begun client("psql");
  client.say(query("SET push.max_rows = 2"));
  EXPECT_EQ(client.say(query(kPush)), kHead);
  client.backend.tick();
  client.backend.tick();
  EXPECT_EQ(client.hear(), "D(1,tick1) D(2,tick2) C(SELECT 2) Z(I)");
  EXPECT_EQ(client.backend.running_pushes(), 0u);
}

TEST(PushQuery, ends_normally_after_push_timeout) {
  Begun client;
  client.say(query("SET push.timeout = '5s'"));
  client.say(query(kPush));
  client.backend.tick();
  EXPECT_EQ(client.hear(), "D(1,tick1)");
  ASSERT_TRUE(client.session.deadline_us());
  EXPECT_EQ(*client.session.deadline_us(), 5'000'000);
  client.pass_ms(5000);
  EXPECT_EQ(client.hear(), "C(SELECT 1) Z(I)");
}

TEST(PushQuery, is_ended_by_a_statement_timeout_that_its_client_asked_for) {
  Conversation from_the_start;
  from_the_start.say(startup({{"user", "ada"}, {"statement_timeout", "1000"}}));
  from_the_start.say(query(kPush));
  from_the_start.pass_ms(2000);
  EXPECT_EQ(from_the_start.hear(), "E(57014 canceling statement due to statement timeout) Z(I)");

  Begun by_itself;
  by_itself.say(query("SET statement_timeout = 1000"));
  by_itself.say(query(kPush));
  by_itself.pass_ms(2000);
  EXPECT_EQ(by_itself.hear(), "E(57014 canceling statement due to statement timeout) Z(I)");
}

TEST(PushQuery, goes_out_row_by_row_in_the_extended_protocol) {
  Begun client("psql");
  EXPECT_EQ(client.say(parse(kPush) + bind() + describe_portal() + execute() + sync_up()),
            "1 2 " + std::string(kHead));
  client.backend.tick();
  EXPECT_EQ(client.hear(), "D(1,tick1)");
  client.session.cancel();
  EXPECT_EQ(client.hear(), "E(57014 canceling statement due to user request) Z(I)");
}

// ---- The messages that psql uses ----

TEST(PushTable, is_psqls_output_for_a_query_without_end) {
  Begun client("psql");
  EXPECT_EQ(client.say(query(kPush)), "H");
  client.backend.tick();
  EXPECT_EQ(client.hear(), "d( n | word  \\n) d(---+-------\\n) d( 1 | tick1\\n)");
  for (int i = 2; i <= 9; ++i) client.backend.tick();
  client.hear();
  client.backend.tick();
  EXPECT_EQ(client.hear(), "d( 10 | tick10\\n)");
  client.session.cancel();
  EXPECT_EQ(client.hear(), "E(57014 canceling statement due to user request) Z(I)");
}

TEST(PushTable, shows_its_head_when_no_row_comes) {
  Begun client("psql");
  client.say(query(kPush));
  client.pass_ms(200);
  EXPECT_EQ(client.hear(), "d( n | word \\n) d(---+------\\n)");
  client.backend.tick();
  EXPECT_EQ(client.hear(), "d( 1 | tick1\\n)");
}

TEST(PushTable, is_for_psql_alone_and_for_one_statement) {
  Begun other("psql2");
  EXPECT_EQ(other.say(query(kPush)), kHead);
  Begun two("psql");
  EXPECT_EQ(two.say(query("SELECT 1; " + std::string(kPush))),
            "T(?column?:23) D(1) C(SELECT 1) " + std::string(kHead));
  Begun rows("psql");
  rows.say(query("SET push.output = 'rows'"));
  EXPECT_EQ(rows.say(query(kPush)), kHead);
}

TEST(PushTable, may_be_asked_for) {
  Begun client;
  client.say(query("SET push.output = 'copy'; SET push.max_rows = 1"));
  EXPECT_EQ(client.say(query(kPush)), "H d(n\\x09word\\n)");
  client.backend.tick();
  EXPECT_EQ(client.hear(), "d(1\\x09tick1\\n) c C(COPY 1) Z(I)");
}

TEST(PushCopy, sends_a_line_a_row) {
  Begun client;
  EXPECT_EQ(
      client.say(query("COPY (SELECT * FROM ticks EMIT CHANGES) TO STDOUT (FORMAT csv, HEADER)")),
      "H d(n,word\\n)");
  client.backend.tick();
  EXPECT_EQ(client.hear(), "d(1,tick1\\n)");
  client.session.cancel();
  EXPECT_EQ(client.hear(), "E(57014 canceling statement due to user request) Z(I)");
}

// ---- Cursors ----

TEST(Cursor, as_psql_with_fetch_count_uses_it) {
  Begun client("psql");
  client.say(query("BEGIN"));
  EXPECT_EQ(client.say(query("DECLARE _psql_cursor NO SCROLL CURSOR FOR\n" + std::string(kPush))),
            "C(DECLARE CURSOR) Z(T)");
  client.backend.tick();
  EXPECT_EQ(client.say(query("FETCH FORWARD 1 FROM _psql_cursor")),
            std::string(kHead));  // the query was paused; its next row ends the FETCH
  client.backend.tick();
  EXPECT_EQ(client.hear(), "D(2,tick2) C(FETCH 1) Z(T)");
  EXPECT_EQ(client.say(query("FETCH FORWARD 2 FROM _psql_cursor")), kHead);
  client.backend.tick();
  EXPECT_EQ(client.hear(), "D(3,tick3)");
  client.backend.tick();
  EXPECT_EQ(client.hear(), "D(4,tick4) C(FETCH 2) Z(T)");
  EXPECT_EQ(client.say(query("CLOSE _psql_cursor")), "C(CLOSE CURSOR) Z(T)");
  EXPECT_EQ(client.backend.running_pushes(), 0u);
}

TEST(Cursor, fetches_portions_and_then_nothing) {
  Begun client;
  client.backend.people = {{1, "a"}, {2, "b"}, {3, "c"}};
  client.say(query("BEGIN; DECLARE \"nc\" CURSOR WITHOUT HOLD FOR SELECT * FROM people"));
  EXPECT_EQ(client.say(query("FETCH FORWARD 2 FROM \"nc\"")),
            "T(id:23,name:25) D(1,a) D(2,b) C(FETCH 2) Z(T)");
  EXPECT_EQ(client.say(query("FETCH ALL FROM \"nc\"")), "T(id:23,name:25) D(3,c) C(FETCH 1) Z(T)");
  EXPECT_EQ(client.say(query("FETCH 2 FROM \"nc\"")), "T(id:23,name:25) C(FETCH 0) Z(T)");
}

TEST(Cursor, skips_rows_with_move) {
  Begun client;
  client.backend.people = {{1, "a"}, {2, "b"}, {3, "c"}};
  client.say(query("BEGIN; DECLARE c CURSOR FOR SELECT * FROM people"));
  EXPECT_EQ(client.say(query("MOVE 2 FROM c")), "C(MOVE 2) Z(T)");
  EXPECT_EQ(client.say(query("FETCH c")), "T(id:23,name:25) D(3,c) C(FETCH 1) Z(T)");
}

TEST(Cursor, cannot_go_back) {
  Begun client;
  client.say(query("BEGIN; DECLARE c CURSOR FOR SELECT * FROM people"));
  EXPECT_EQ(client.say(query("FETCH BACKWARD 1 FROM c")),
            "E(55000 cursor can only scan forward) Z(E)");
}

TEST(Cursor, lives_in_a_transaction_or_is_held) {
  Begun client;
  client.backend.people = {{1, "a"}};
  EXPECT_EQ(client.say(query("DECLARE c CURSOR FOR SELECT * FROM people")),
            "E(25P01 DECLARE CURSOR can only be used in transaction blocks) Z(I)");
  client.say(query("BEGIN; DECLARE c CURSOR FOR SELECT * FROM people; COMMIT"));
  EXPECT_EQ(client.say(query("FETCH c")), "E(34000 cursor \"c\" does not exist) Z(I)");
  client.say(query("BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT * FROM people; COMMIT"));
  EXPECT_EQ(client.say(query("FETCH c")), "T(id:23,name:25) D(1,a) C(FETCH 1) Z(I)");
  EXPECT_EQ(client.say(query("CLOSE ALL")), "C(CLOSE CURSOR ALL) Z(I)");
}

TEST(Cursor, as_odbc_declares_and_fetches_in_one_message) {
  Begun client;
  client.backend.people = {{1, "a"}};
  EXPECT_EQ(
      client.say(query("BEGIN;declare \"SQL_CUR0x1\" cursor with hold for select * from people;"
                       "fetch 5 in \"SQL_CUR0x1\"")),
      "C(BEGIN) C(DECLARE CURSOR) T(id:23,name:25) D(1,a) C(FETCH 1) Z(T)");
}

TEST(Cursor, gives_up_waiting_only_by_request) {
  Begun client;
  client.say(query("SET push.linger = '100ms'"));
  client.say(query("BEGIN; DECLARE c CURSOR FOR " + std::string(kPush)));
  EXPECT_EQ(client.say(query("FETCH 5 FROM c")), kHead);
  client.pass_ms(1000);
  EXPECT_EQ(client.hear(), "");  // no answer before there is a row
  client.backend.tick();
  EXPECT_EQ(client.hear(), "D(1,tick1)");
  client.pass_ms(100);
  EXPECT_EQ(client.hear(), "C(FETCH 1) Z(T)");

  client.say(query("SET push.fetch_timeout = '1s'"));
  client.say(query("FETCH 5 FROM c"));
  client.pass_ms(1000);
  EXPECT_EQ(client.hear(), "C(FETCH 0) Z(T)");
}

TEST(Portal, a_push_querys_portal_suspends_at_its_limit) {
  Begun client;
  EXPECT_EQ(client.say(parse(kPush) + bind() + describe_portal() + execute(1) + flush()),
            "1 2 " + std::string(kHead));
  client.backend.tick();
  EXPECT_EQ(client.hear(), "D(1,tick1) s");
  client.say(execute(1) + flush());
  client.backend.tick();
  EXPECT_EQ(client.hear(), "D(2,tick2) s");
  EXPECT_EQ(client.say(close_portal("") + sync_up()), "3 Z(I)");
  EXPECT_EQ(client.backend.running_pushes(), 0u);
}
