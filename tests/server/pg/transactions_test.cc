// Tests READ ONLY, and sessions that send nothing.
#include <gtest/gtest.h>

#include "tests/server/pg/conversation.h"

namespace server::pg {
namespace {

constexpr std::string_view kInsert = "INSERT INTO people VALUES (1, 'Ada')";
constexpr std::string_view kRefused = "E(25006 cannot execute INSERT in a read-only transaction)";

TEST(ReadOnly, a_transaction_changes_nothing) {
  for (const char* begin :
       {"BEGIN READ ONLY", "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY",
        "BEGIN; SET TRANSACTION READ ONLY", "BEGIN; SET transaction_read_only = on",
        "BEGIN READ WRITE READ ONLY"}) {
    Begun client;
    client.say(query(begin));
    EXPECT_EQ(client.say(query(kInsert)), std::string(kRefused) + " Z(E)") << begin;
    EXPECT_EQ(client.say(query("ROLLBACK")), "C(ROLLBACK) Z(I)");
    EXPECT_EQ(client.say(query(kInsert)), "C(INSERT 0 1) Z(I)") << "the next one may";
  }
}

TEST(ReadOnly, names_the_refused_statements) {
  Begun client;
  client.say(query("SET default_transaction_read_only = on"));
  for (const auto& [statement, command] :
       std::initializer_list<std::pair<const char*, const char*>>{
           {"create or replace stream s (a INT) WITH (kafka_topic='t', value_format='JSON', "
            "partitions=1)",
            "CREATE"},
           {"DROP TABLE people", "DROP TABLE"},
           {"COPY people FROM STDIN", "COPY FROM"},
           {"PAUSE ALL", "PAUSE"},
           {"UPDATE people SET name = 'x'", "UPDATE"},
           {"CREATE USER u PASSWORD 'secret'", "CREATE"}})
    EXPECT_EQ(client.say(query(statement)), "E(25006 cannot execute " + std::string(command) +
                                                " in a read-only transaction) Z(I)");
  EXPECT_EQ(client.say(query("SELECT 1")), "T(?column?:23) D(1) C(SELECT 1) Z(I)");
}

TEST(ReadOnly, holds_for_the_session_until_it_is_changed) {
  Begun client;
  client.say(query("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"));
  EXPECT_EQ(client.say(query(kInsert)), std::string(kRefused) + " Z(I)");
  EXPECT_EQ(client.say(query("SHOW transaction_read_only")),
            "T(transaction_read_only:25) D(on) C(SHOW) Z(I)");
  EXPECT_EQ(client.say(query("BEGIN; " + std::string(kInsert))),
            "C(BEGIN) " + std::string(kRefused) + " Z(E)");
  client.say(query("ROLLBACK"));
  EXPECT_EQ(client.say(query("BEGIN READ WRITE; " + std::string(kInsert) + "; COMMIT")),
            "C(BEGIN) C(INSERT 0 1) C(COMMIT) Z(I)");
  client.say(query("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE"));
  EXPECT_EQ(client.say(query(kInsert)), "C(INSERT 0 1) Z(I)");
}

TEST(Deferrable, is_shown_as_it_was_asked_for) {
  Begun client;
  const std::string show = "SHOW transaction_deferrable";
  const auto shown = [](const char* value) {
    return std::string("T(transaction_deferrable:25) D(") + value + ") C(SHOW)";
  };
  EXPECT_EQ(
      client.say(query("BEGIN ISOLATION LEVEL READ COMMITTED DEFERRABLE; " + show + "; COMMIT")),
      "C(BEGIN) " + shown("on") + " C(COMMIT) Z(I)");
  EXPECT_EQ(client.say(query(show)), shown("off") + " Z(I)");
  client.say(query("SET SESSION CHARACTERISTICS AS TRANSACTION DEFERRABLE"));
  EXPECT_EQ(client.say(query("BEGIN; " + show + "; ROLLBACK")),
            "C(BEGIN) " + shown("on") + " C(ROLLBACK) Z(I)");
  EXPECT_EQ(client.say(query("BEGIN NOT DEFERRABLE; " + show + "; ROLLBACK")),
            "C(BEGIN) " + shown("off") + " C(ROLLBACK) Z(I)");
  client.say(query("SET default_transaction_deferrable = off"));
  EXPECT_EQ(client.say(query(show)), shown("off") + " Z(I)");
}

// Drivers prepare a statement first. Whether the statement is refused depends on the mode of the
// transaction in which it is executed.
TEST(ReadOnly, refuses_prepared_statements) {
  Begun client;
  client.say(parse(kInsert, "s") + sync_up());
  client.say(query("PREPARE p AS " + std::string(kInsert)));
  client.say(query("BEGIN READ ONLY"));
  EXPECT_EQ(client.say(bind({}, {.statement = "s"}) + execute() + sync_up()),
            "2 " + std::string(kRefused) + " Z(E)");
  client.say(query("ROLLBACK; BEGIN READ ONLY"));
  EXPECT_EQ(client.say(query("EXECUTE p")), std::string(kRefused) + " Z(E)");
}

TEST(Transactions, have_the_modes_that_there_are) {
  Begun client;
  EXPECT_EQ(client.say(query("BEGIN NOT DEFERRABLE, READ WRITE")), "C(BEGIN) Z(T)");
  client.say(query("ROLLBACK"));
  EXPECT_EQ(client.say(query("BEGIN QUICKLY")),
            "E(42601 a transaction has no mode \"QUICKLY\") Z(I)");
  EXPECT_EQ(
      client.say(query("BEGIN ISOLATION LEVEL SERIALIZABLE")),
      "N(0A000 isolation level SERIALIZABLE is not supported yet: each statement sees what was "
      "committed before it, as with READ COMMITTED) C(BEGIN) Z(T)");
  client.say(query("ROLLBACK"));
  EXPECT_EQ(client.say(query("SET TRANSACTION READ ONLY")),
            "N(25P01 SET TRANSACTION can only be used in transaction blocks) C(SET) Z(I)");
}

// A failed transaction is rolled back immediately. This frees the memory of its rows, and unlocks
// the tables for which other sessions may wait.
TEST(Transactions, free_their_memory_when_they_fail) {
  Begun client;
  client.say(query("BEGIN; " + std::string(kInsert)));
  EXPECT_EQ(client.backend.rollbacks, 0);
  client.say(query("SELECT nonsense FROM nowhere ("));
  EXPECT_EQ(client.backend.rollbacks, 1);
  client.say(query("ROLLBACK; BEGIN; SAVEPOINT s"));
  const int before = client.backend.rollbacks;
  client.say(query("SELECT nonsense FROM nowhere ("));
  EXPECT_EQ(client.backend.rollbacks, before) << "it may go on";
}

// Programs repeat a statement after error 57P01. So a client whose rows are already being written
// must first get the result of its statement.
TEST(Stops, answer_the_statement_whose_rows_are_being_written) {
  const Error reason{ErrorCode::ShuttingDown, "the server stops"};
  for (const bool is_extended : {false, true}) {
    Begun client;
    client.backend.holds_writes = true;
    client.say(is_extended ? parse(kInsert) + bind() + execute() + sync_up() : query(kInsert));
    client.session.shut_down(reason);
    client.pass_ms(2'999);
    EXPECT_EQ(client.hear(), "");
    client.backend.let_go();
    EXPECT_TRUE(client.hear().ends_with("C(INSERT 0 1) Z(I) E(57P01 FATAL the server stops)"));
  }
}

TEST(Stops, wait_three_seconds_at_most) {
  Begun client;
  client.backend.holds_writes = true;
  client.say(query(kInsert));
  client.session.shut_down({ErrorCode::ShuttingDown, "the server stops"});
  client.pass_ms(3'000);
  EXPECT_TRUE(client.hear().starts_with("E(57P01 FATAL the server stops"));
  EXPECT_TRUE(client.session.is_over());
}

TEST(Stops, do_not_wait_for_an_idle_client) {
  Begun client;
  client.say(query("BEGIN; " + std::string(kInsert)));
  client.session.shut_down({ErrorCode::ShuttingDown, "the server stops"});
  EXPECT_EQ(client.hear(), "E(57P01 FATAL the server stops)");
  EXPECT_EQ(client.backend.rollbacks, 1);
}

TEST(IdleSessions, end_within_a_transaction) {
  Begun client;
  client.say(query("SET idle_in_transaction_session_timeout = '5s'"));
  EXPECT_EQ(client.session.deadline_us(), std::nullopt);
  client.say(query("BEGIN"));
  client.pass_ms(4'999);
  EXPECT_EQ(client.say(query("SELECT 1")), "T(?column?:23) D(1) C(SELECT 1) Z(T)");
  EXPECT_EQ(client.session.deadline_us(), client.clock.monotonic_us() + 5'000'000);
  client.pass_ms(4'999);
  EXPECT_EQ(client.hear(), "");
  client.pass_ms(1);
  EXPECT_EQ(client.hear(),
            "E(25P03 FATAL terminating connection due to idle-in-transaction timeout)");
  EXPECT_TRUE(client.session.is_over());
}

TEST(IdleSessions, end_outside_of_one) {
  Begun client;
  client.say(query("SET idle_session_timeout = 100"));
  client.say(query("BEGIN"));
  client.pass_ms(10'000);
  EXPECT_EQ(client.say(query("COMMIT")), "C(COMMIT) Z(I)");
  client.pass_ms(100);
  EXPECT_EQ(client.hear(), "E(57P05 FATAL terminating connection due to idle-session timeout)");
  EXPECT_TRUE(client.session.is_over());
}

}  // namespace
}  // namespace server::pg
