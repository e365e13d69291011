#include <gtest/gtest.h>

#include "tests/server/pg/conversation.h"

using namespace server::pg;

// If a part of a script cannot be parsed, no statement of the script runs, not even one before this
// part.
TEST(SimpleProtocol, a_script_is_read_as_a_whole) {
  Begun client;
  for (const char* rest : {"SELECT (", "DELETE FROM people WHERE (id = 1", "nonsense", "SELECT )",
                           "SELECT 'x", "UPDATE people SET (name = 'x'; SELECT 1"}) {
    const std::string said =
        client.say(query("INSERT INTO people VALUES (1, 'Ada'); VACUUM; " + std::string(rest)));
    EXPECT_TRUE(said.starts_with("E(42601 ")) << rest << ": " << said;
    EXPECT_TRUE(client.backend.people.empty()) << rest;
  }
  EXPECT_EQ(client.say(query("VACUUM; SELECT 1; -- that was it")).substr(0, 2), "N(");
}

TEST(SimpleProtocol, answers_a_statement) {
  Begun client;
  EXPECT_EQ(client.say(query("SELECT 1")), "T(?column?:23) D(1) C(SELECT 1) Z(I)");
  EXPECT_EQ(client.say(query("SELECT 1, NULL, 'x' AS word")),
            "T(?column?:23,?column?:25,WORD:25) D(1,NULL,x) C(SELECT 1) Z(I)");
}

TEST(SimpleProtocol, answers_an_empty_query_once) {
  Begun client;
  EXPECT_EQ(client.say(query("")), "I Z(I)");
  EXPECT_EQ(client.say(query(" ; -- nothing\n ;")), "I Z(I)");
}

TEST(SimpleProtocol, drops_the_rest_of_the_message_after_an_error) {
  Begun client;
  EXPECT_EQ(client.say(query("SELECT 1; SELECT 2; SELECT DIVIDE_BY_ZERO(); SELECT 3")),
            "T(?column?:23) D(1) C(SELECT 1) T(?column?:23) D(2) C(SELECT 1) "
            "E(22012 division by zero @28) Z(I)");
}

TEST(SimpleProtocol, runs_nothing_of_a_message_with_a_syntax_error) {
  Begun client;
  const std::string answer = client.say(query("INSERT INTO people VALUES (1, 'Ada'); SELEC 1"));
  EXPECT_TRUE(answer.starts_with("E(42601 ")) << answer;
  EXPECT_TRUE(answer.ends_with(" Z(I)"));
  EXPECT_TRUE(client.backend.people.empty());
}

TEST(SimpleProtocol, counts_error_positions_in_characters) {
  Begun client;
  EXPECT_EQ(client.say(query("SELECT 'grüße' FROM nosuch")),
            "E(42P01 NOSUCH does not exist @21) Z(I)");
}

TEST(SimpleProtocol, sends_notices_before_the_end_of_the_statement) {
  Begun client;
  EXPECT_EQ(client.say(query("CREATE STREAM s (id INT KEY)")),
            "N(00000 topic created) C(CREATE STREAM) Z(I)");
  EXPECT_EQ(client.say(query("SET client_min_messages = warning")), "C(SET) Z(I)");
  EXPECT_EQ(client.say(query("CREATE STREAM s (id INT KEY)")), "C(CREATE STREAM) Z(I)");
}

TEST(SimpleProtocol, has_no_parameters) {
  Begun client;
  EXPECT_EQ(client.say(query("SELECT $1")), "E(42704 there is no parameter $1) Z(I)");
}

TEST(SimpleProtocol, answers_queries_that_came_together_one_after_the_other) {
  Begun client;
  EXPECT_EQ(client.say(query("SELECT 1") + query("SELECT 2")),
            "T(?column?:23) D(1) C(SELECT 1) Z(I) T(?column?:23) D(2) C(SELECT 1) Z(I)");
}

TEST(SimpleProtocol, waits_for_a_statement_that_takes_time) {
  Begun client;
  client.backend.holds_writes = true;
  EXPECT_EQ(client.say(query("INSERT INTO people VALUES (1, 'Ada')") + query("SELECT 1")), "");
  client.backend.let_go();
  EXPECT_EQ(client.hear(), "C(INSERT 0 1) Z(I) T(?column?:23) D(1) C(SELECT 1) Z(I)");
}

// The session writes to the socket once per statement, not once per part of its answer.
TEST(SimpleProtocol, sends_messages_before_an_answer_together_with_it) {
  Begun client;
  client.backend.holds_writes = true;
  const std::string answered = "T(?column?:23) D(1) C(SELECT 1)";
  // The client may wait for the first answer.
  EXPECT_EQ(client.say(query("SELECT 1") + query("INSERT INTO people VALUES (1, 'Ada')")),
            answered + " Z(I)");
  client.backend.let_go();
  EXPECT_EQ(client.hear(), "C(INSERT 0 1) Z(I)");
  // The answers to the statements of one message are sent together.
  EXPECT_EQ(client.say(query("BEGIN; SELECT 1; INSERT INTO people VALUES (1, 'Ada'); COMMIT")), "");
  client.backend.let_go();
  EXPECT_EQ(client.hear(), "C(BEGIN) " + answered + " C(INSERT 0 1) C(COMMIT) Z(I)");
}

TEST(SimpleProtocol, answers_clients_questions_about_their_session) {
  Begun client;
  EXPECT_EQ(client.say(query("SELECT current_database(), current_schema(), current_user")),
            "T(CURRENT_DATABASE:25,CURRENT_SCHEMA:25,CURRENT_USER:25) D(db,public,ada) C(SELECT 1) "
            "Z(I)");
  EXPECT_EQ(
      client.say(query("select pg_catalog.version()")),
      "T(VERSION:25) D(PostgreSQL 15.0 (Millrace 0.1.0) on x86_64-pc-linux-gnu, compiled by gcc, "
      "64-bit) C(SELECT 1) Z(I)");
  EXPECT_EQ(client.say(query("SELECT pg_backend_pid(), current_setting('TimeZone') AS zone")),
            "T(PG_BACKEND_PID:23,ZONE:25) D(42,UTC) C(SELECT 1) Z(I)");
}

// ---- INSERTs of one message belong together ----

TEST(InsertGroup, is_appended_at_the_end_of_the_message_and_not_reported_before) {
  Begun client;
  client.backend.holds_writes = true;
  EXPECT_EQ(
      client.say(query("INSERT INTO people VALUES (1, 'a'); INSERT INTO people VALUES (2, 'b')")),
      "");
  client.backend.let_go();
  EXPECT_EQ(client.hear(), "C(INSERT 0 1) C(INSERT 0 1) Z(I)");
  EXPECT_EQ(client.backend.commits, 1);
  EXPECT_EQ(client.backend.people.size(), 2u);
}

TEST(InsertGroup, is_dropped_when_a_statement_fails) {
  Begun client;
  EXPECT_EQ(
      client.say(query("INSERT INTO people VALUES (1, 'a'); INSERT INTO nosuch VALUES (2, 'b')")),
      "C(INSERT 0 1) E(42P01 NOSUCH does not exist @49) Z(I)");
  EXPECT_TRUE(client.backend.people.empty());
}

TEST(InsertGroup, is_appended_before_another_statement_looks_at_it) {
  Begun client;
  EXPECT_EQ(client.say(query("INSERT INTO people VALUES (1, 'a'); SELECT * FROM people")),
            "C(INSERT 0 1) T(id:23,name:25) D(1,a) C(SELECT 1) Z(I)");
}

TEST(InsertGroup, becomes_part_of_the_transaction_that_begins_behind_it) {
  Begun client;
  EXPECT_EQ(client.say(query("INSERT INTO people VALUES (1, 'a'); BEGIN; SET x.y = 1; "
                             "INSERT INTO people VALUES (2, 'b')")),
            "C(INSERT 0 1) C(BEGIN) C(SET) C(INSERT 0 1) Z(T)");
  EXPECT_TRUE(client.backend.people.empty());
  EXPECT_EQ(client.say(query("ROLLBACK")), "C(ROLLBACK) Z(I)");
  EXPECT_TRUE(client.backend.people.empty());
}

TEST(InsertGroup, is_committed_by_commit_and_dropped_by_rollback) {
  Begun client;
  EXPECT_EQ(client.say(query("INSERT INTO people VALUES (1, 'a'); COMMIT")),
            "C(INSERT 0 1) N(25P01 there is no transaction in progress) C(COMMIT) Z(I)");
  EXPECT_EQ(client.backend.people.size(), 1u);
  EXPECT_EQ(client.say(query("INSERT INTO people VALUES (2, 'b'); ROLLBACK; SHOW timezone")),
            "C(INSERT 0 1) N(25P01 there is no transaction in progress) C(ROLLBACK) "
            "T(TimeZone:25) D(UTC) C(SHOW) Z(I)");
  EXPECT_EQ(client.backend.people.size(), 1u);
}

TEST(InsertGroup, a_failed_append_is_reported) {
  Begun client;
  EXPECT_EQ(client.say(query(
                "INSERT INTO people VALUES (1, 'poison'); INSERT INTO people VALUES (2, 'b')")),
            "C(INSERT 0 1) C(INSERT 0 1) E(53100 the disk is full) Z(I)");
  EXPECT_TRUE(client.backend.people.empty());
}

// ---- Transactions ----

TEST(Transaction, appends_at_commit) {
  Begun client;
  EXPECT_EQ(client.say(query("BEGIN")), "C(BEGIN) Z(T)");
  EXPECT_EQ(client.say(query("INSERT INTO people VALUES (1, 'Ada')")), "C(INSERT 0 1) Z(T)");
  EXPECT_TRUE(client.backend.people.empty());
  EXPECT_EQ(client.say(query("COMMIT")), "C(COMMIT) Z(I)");
  EXPECT_EQ(client.backend.people.size(), 1u);
}

TEST(Transaction, is_reported_as_committed_only_when_it_is) {
  Begun client;
  client.say(query("BEGIN; INSERT INTO people VALUES (1, 'Ada')"));
  client.backend.holds_writes = true;
  EXPECT_EQ(client.say(query("COMMIT")), "");
  client.backend.let_go();
  EXPECT_EQ(client.hear(), "C(COMMIT) Z(I)");
}

TEST(Transaction, forgets_at_rollback) {
  Begun client;
  EXPECT_EQ(client.say(query("BEGIN; INSERT INTO people VALUES (1, 'Ada'); ROLLBACK")),
            "C(BEGIN) C(INSERT 0 1) C(ROLLBACK) Z(I)");
  EXPECT_TRUE(client.backend.people.empty());
}

TEST(Transaction, a_failed_one_accepts_only_its_end) {
  Begun client;
  client.say(query("BEGIN; INSERT INTO people VALUES (1, 'Ada')"));
  EXPECT_EQ(client.say(query("SELECT * FROM nosuch")), "E(42P01 NOSUCH does not exist @15) Z(E)");
  EXPECT_TRUE(client.say(query("SELECT 1")).starts_with("E(25P02 "));
  EXPECT_EQ(client.say(query("COMMIT")), "C(ROLLBACK) Z(I)");
  EXPECT_TRUE(client.backend.people.empty());
}

TEST(Transaction, one_with_a_failed_commit_is_over) {
  Begun client;
  client.say(query("BEGIN; INSERT INTO people VALUES (1, 'poison')"));
  EXPECT_EQ(client.say(query("COMMIT")), "E(53100 the disk is full) Z(I)");
  EXPECT_EQ(client.say(query("SELECT 1")), "T(?column?:23) D(1) C(SELECT 1) Z(I)");
}

TEST(Transaction, warns_of_misplaced_statements) {
  Begun client;
  EXPECT_EQ(client.say(query("COMMIT")),
            "N(25P01 there is no transaction in progress) C(COMMIT) Z(I)");
  EXPECT_EQ(client.say(query("ROLLBACK")),
            "N(25P01 there is no transaction in progress) C(ROLLBACK) Z(I)");
  client.say(query("BEGIN"));
  EXPECT_EQ(client.say(query("BEGIN")),
            "N(25001 there is already a transaction in progress) C(BEGIN) Z(T)");
}

TEST(Transaction, goes_back_to_a_savepoint_as_long_as_nothing_was_written) {
  Begun client;
  EXPECT_EQ(client.say(query("BEGIN; SAVEPOINT a")), "C(BEGIN) C(SAVEPOINT) Z(T)");
  client.say(query("SELECT * FROM nosuch"));
  EXPECT_EQ(client.say(query("ROLLBACK TO a")), "C(ROLLBACK) Z(T)");
  client.say(query("INSERT INTO people VALUES (1, 'Ada')"));
  EXPECT_TRUE(client.say(query("ROLLBACK TO SAVEPOINT a")).starts_with("E(0A000 "));
  EXPECT_EQ(client.say(query("ROLLBACK")), "C(ROLLBACK) Z(I)");
  EXPECT_TRUE(client.say(query("SAVEPOINT a")).starts_with("E(25P01 "));
}

// ---- Settings ----

TEST(Session, discards_all_only_by_itself) {
  Begun client;
  EXPECT_EQ(client.say(query("SELECT 1; DISCARD ALL")),
            "T(?column?:23) D(1) C(SELECT 1) E(25001 DISCARD ALL cannot run inside a transaction "
            "block) Z(I)");
  EXPECT_EQ(client.say(query("DISCARD ALL")), "C(DISCARD ALL) Z(I)");
}

TEST(Settings, are_set_shown_and_reset) {
  Begun client;
  EXPECT_EQ(client.say(query("SET extra_float_digits = 3")), "C(SET) Z(I)");
  EXPECT_EQ(client.say(query("SHOW extra_float_digits")),
            "T(extra_float_digits:25) D(3) C(SHOW) Z(I)");
  EXPECT_EQ(client.say(query("RESET extra_float_digits")), "C(RESET) Z(I)");
  EXPECT_EQ(client.say(query("show transaction_isolation")),
            "T(transaction_isolation:25) D(read committed) C(SHOW) Z(I)");
  EXPECT_EQ(client.say(query("SHOW TRANSACTION ISOLATION LEVEL")),
            "T(transaction_isolation:25) D(read committed) C(SHOW) Z(I)");
}

TEST(Settings, zones_are_spelled_as_in_the_tz_database_and_others_refused) {
  Begun client;
  EXPECT_EQ(client.say(query("SET TimeZone TO 'europe/berlin'; SHOW TimeZone")),
            "C(SET) T(TimeZone:25) D(Europe/Berlin) C(SHOW) S(TimeZone=Europe/Berlin) Z(I)");
  const std::string said = client.say(query("SET TimeZone TO 'Nowhere/X'"));
  EXPECT_NE(said.find("22023"), std::string::npos) << said;
  EXPECT_NE(said.find("invalid value for parameter \"TimeZone\": \"Nowhere/X\""), std::string::npos)
      << said;
  EXPECT_EQ(client.say(query("SET TIME ZONE -7")), "C(SET) S(TimeZone=<-07>+07) Z(I)");
  EXPECT_EQ(client.say(query("SET TIME ZONE LOCAL")), "C(SET) S(TimeZone=UTC) Z(I)");
}

TEST(Settings, dates_and_intervals_keep_unnamed_parts_and_are_reported) {
  Begun client;
  EXPECT_EQ(client.say(query("SET DateStyle = dmy; SHOW DateStyle")),
            "C(SET) T(DateStyle:25) D(ISO, DMY) C(SHOW) S(DateStyle=ISO, DMY) Z(I)");
  EXPECT_EQ(client.say(query("SET DateStyle TO SQL")), "C(SET) S(DateStyle=SQL, DMY) Z(I)");
  EXPECT_EQ(client.say(query("SET DateStyle = 'German, MDY'")),
            "C(SET) S(DateStyle=German, MDY) Z(I)");
  EXPECT_EQ(client.say(query("BEGIN; SET LOCAL DateStyle = iso; SET IntervalStyle = 'ISO_8601'")),
            "C(BEGIN) C(SET) C(SET) S(DateStyle=ISO, MDY) S(IntervalStyle=iso_8601) Z(T)");
  EXPECT_EQ(client.say(query("ROLLBACK")),
            "C(ROLLBACK) S(DateStyle=German, MDY) S(IntervalStyle=postgres) Z(I)");
  EXPECT_EQ(client.say(query("RESET DateStyle")), "C(RESET) S(DateStyle=ISO, MDY) Z(I)");
  EXPECT_EQ(client.say(query("SET DateStyle = 'ISO, SQL'")),
            "E(22023 invalid value for parameter \"DateStyle\": \"ISO, SQL\") Z(I)");
  EXPECT_EQ(client.say(query("SET IntervalStyle = 'french'")),
            "E(22023 invalid value for parameter \"IntervalStyle\": \"french\") Z(I)");
}

TEST(Settings, set_behind_a_savepoint_are_undone_with_it) {
  Begun client;
  client.say(
      query("BEGIN; SET TimeZone TO 'Asia/Tokyo'; SAVEPOINT a; SET TimeZone TO 'Asia/Karachi'; "
            "SET LOCAL extra_float_digits = 3"));
  EXPECT_EQ(client.say(query("ROLLBACK TO a; SHOW extra_float_digits")),
            "C(ROLLBACK) T(extra_float_digits:25) D(1) C(SHOW) S(TimeZone=Asia/Tokyo) Z(T)");
  EXPECT_EQ(client.say(query("ROLLBACK")), "C(ROLLBACK) S(TimeZone=UTC) Z(I)");
}

TEST(Settings, reported_settings_are_sent_before_the_next_ready) {
  Begun client;
  EXPECT_EQ(client.say(query("SET application_name = 'x'; SET TimeZone TO 'UTC'")),
            "C(SET) C(SET) S(application_name=x) Z(I)");
  EXPECT_EQ(client.say(query("RESET ALL")), "C(RESET) S(application_name=test) Z(I)");
}

TEST(Settings, unknown_names_and_bad_values_are_refused) {
  Begun client;
  EXPECT_EQ(client.say(query("SET nosuch = 1")),
            "E(42704 unrecognized configuration parameter \"nosuch\") Z(I)");
  EXPECT_EQ(client.say(query("SHOW nosuch")),
            "E(42704 unrecognized configuration parameter \"nosuch\") Z(I)");
  EXPECT_TRUE(client.say(query("SET statement_timeout = 'soon'")).starts_with("E(22023 "));
  EXPECT_TRUE(client.say(query("SET push.output = 'sideways'")).starts_with("E(22023 "));
  EXPECT_EQ(client.say(query("SET 'auto.offset.reset' = 'sometimes'")),
            "E(22023 bad value for auto.offset.reset) Z(I)");
}

TEST(Settings, set_the_level_of_sent_notices) {
  Begun client;
  EXPECT_EQ(client.say(query("SET client_min_messages = bad")),
            "E(22023 invalid value for parameter \"client_min_messages\": \"bad\") Z(I)");
  client.say(query("SET client_min_messages = 'ERROR'"));
  EXPECT_EQ(client.say(query("SHOW client_min_messages")),
            "T(client_min_messages:25) D(error) C(SHOW) Z(I)");
  EXPECT_EQ(client.say(query("COMMIT")), "C(COMMIT) Z(I)");
  EXPECT_EQ(client.say(query("CREATE STREAM s (id INT KEY)")), "C(CREATE STREAM) Z(I)");
  client.say(query("SET client_min_messages = warning"));
  EXPECT_EQ(client.say(query("COMMIT")),
            "N(25P01 there is no transaction in progress) C(COMMIT) Z(I)");
  EXPECT_EQ(client.say(query("CREATE STREAM s (id INT KEY)")), "C(CREATE STREAM) Z(I)");
}

TEST(Settings, a_zone_may_have_a_sign) {
  Begun client;
  for (const auto& [value, zone] : std::vector<std::pair<std::string, std::string>>{
           {"+6", "<+06>-06"}, {"+5.5", "<+05:30>-05:30"}, {"-3", "<-03>+03"}}) {
    client.say(query("SET TIME ZONE " + value));
    EXPECT_EQ(client.say(query("SHOW TIME ZONE")), "T(TimeZone:25) D(" + zone + ") C(SHOW) Z(I)");
  }
}

TEST(Settings, with_a_dot_are_free_and_the_engines_properties) {
  Begun client;
  EXPECT_EQ(client.say(query("SET my.own = 'a'")), "C(SET) Z(I)");
  EXPECT_EQ(client.say(query("SET 'auto.offset.reset' = 'earliest'")), "C(SET) Z(I)");
  EXPECT_EQ(client.say(query("SHOW auto.offset.reset")),
            "T(auto.offset.reset:25) D(earliest) C(SHOW) Z(I)");
  EXPECT_EQ(client.say(query("UNSET 'auto.offset.reset'")), "C(UNSET) Z(I)");
  EXPECT_TRUE(client.say(query("SHOW auto.offset.reset")).starts_with("E(42704 "));
}

TEST(Settings, are_undone_with_their_transaction) {
  Begun client;
  client.say(query("BEGIN; SET extra_float_digits = 3; ROLLBACK"));
  EXPECT_EQ(client.say(query("SHOW extra_float_digits")),
            "T(extra_float_digits:25) D(1) C(SHOW) Z(I)");
  client.say(query("BEGIN; SET LOCAL extra_float_digits = 3"));
  EXPECT_EQ(client.say(query("SHOW extra_float_digits")),
            "T(extra_float_digits:25) D(3) C(SHOW) Z(T)");
  client.say(query("COMMIT"));
  EXPECT_EQ(client.say(query("SHOW extra_float_digits")),
            "T(extra_float_digits:25) D(1) C(SHOW) Z(I)");
}

TEST(Settings, are_undone_when_another_statement_of_the_text_fails) {
  Begun client;
  EXPECT_TRUE(client.say(query("SET TimeZone TO 'Asia/Tokyo'; SHOW nosuch"))
                  .starts_with("C(SET) E(42704 "));
  EXPECT_EQ(client.say(query("SHOW TimeZone")), "T(TimeZone:25) D(UTC) C(SHOW) Z(I)");
  EXPECT_TRUE(client.say(query("SET TimeZone TO 'Asia/Tokyo'; RESET ALL; SET nosuch = 1"))
                  .starts_with("C(SET) C(RESET) E(42704 "));
  EXPECT_EQ(client.say(query("SHOW TimeZone")), "T(TimeZone:25) D(UTC) C(SHOW) Z(I)");
  // Settings that earlier messages have changed keep their values.
  client.say(query("SET TimeZone TO 'Asia/Tokyo'"));
  client.say(query("SHOW nosuch"));
  EXPECT_EQ(client.say(query("SHOW TimeZone")), "T(TimeZone:25) D(Asia/Tokyo) C(SHOW) Z(I)");
}

TEST(Settings, settings_of_connecting_drivers_are_accepted) {
  Begun client;
  for (const char* sql :
       {"SET DateStyle = 'ISO'", "SET NAMES 'UTF8'", "SET TIME ZONE 'UTC'",
        "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED",
        "SET search_path TO public", "UNLISTEN *", "CLOSE ALL", "DISCARD ALL", "DEALLOCATE ALL",
        "START TRANSACTION", "COMMIT", "SHOW standard_conforming_strings", "SHOW ALL"}) {
    const std::string answer = client.say(query(sql));
    EXPECT_EQ(answer.find("E("), std::string::npos) << sql << ": " << answer;
  }
}

TEST(Session, puts_defined_variables_into_statements) {
  Begun client;
  EXPECT_EQ(client.say(query("DEFINE word = 'x'")), "C(DEFINE) Z(I)");
  EXPECT_EQ(client.say(query("SELECT '${word}'")), "T(?column?:25) D(x) C(SELECT 1) Z(I)");
}

TEST(Session, prepares_and_executes_in_sql) {
  Begun client;
  EXPECT_EQ(client.say(query("PREPARE p (INT, VARCHAR) AS INSERT INTO people VALUES ($1, $2)")),
            "C(PREPARE) Z(I)");
  EXPECT_EQ(client.say(query("EXECUTE p (7, 'Ada')")), "C(INSERT 0 1) Z(I)");
  EXPECT_EQ(client.backend.people, (std::vector<FakeBackend::Person>{{7, "Ada"}}));
  EXPECT_TRUE(client.say(query("EXECUTE p (7)")).starts_with("E(42601 wrong number of parameters"));
  EXPECT_TRUE(client.say(query("PREPARE p AS SELECT 1")).starts_with("E(42P05 "));
  EXPECT_EQ(client.say(query("DEALLOCATE p")), "C(DEALLOCATE) Z(I)");
  EXPECT_TRUE(client.say(query("EXECUTE p (7, 'x')")).starts_with("E(26000 "));
}
