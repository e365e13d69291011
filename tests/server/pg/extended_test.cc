// Tests sequences of messages, to which a PostgreSQL 15 server gives the same answers, and the
// types of parameters and results.
#include <gtest/gtest.h>

#include "tests/server/pg/conversation.h"

using namespace server::pg;

namespace {

// A conversation with a table of five rows.
struct WithPeople : Begun {
  WithPeople() {
    for (int i = 1; i <= 5; ++i)
      backend.people.push_back({i, std::string(1, static_cast<char>('a' + i - 1))});
  }
};

}  // namespace

TEST(ExtendedProtocol, parses_binds_describes_and_executes) {
  Begun client;
  EXPECT_EQ(client.say(parse("SELECT 1") + bind() + describe_portal() + execute() + sync_up()),
            "1 2 T(?column?:23) D(1) C(SELECT 1) Z(I)");
}

TEST(ExtendedProtocol, skips_everything_up_to_sync_after_an_error) {
  Begun client;
  const std::string answer = client.say(parse("SELEC 1") + bind() + execute() + parse("SELECT 2") +
                                        bind() + execute() + sync_up());
  EXPECT_EQ(answer, "E(42601 syntax error at \"SELEC\" @1) Z(I)");
}

TEST(ExtendedProtocol, goes_on_after_each_sync_of_a_pipeline) {
  Begun client;
  const std::string good = parse("SELECT 1") + bind() + execute() + sync_up();
  const std::string bad = parse("SELECT DIVIDE_BY_ZERO()") + bind() + execute() + sync_up();
  EXPECT_EQ(
      client.say(good + bad + good),
      "1 2 D(1) C(SELECT 1) Z(I) E(22012 division by zero @8) Z(I) 1 2 D(1) C(SELECT 1) Z(I)");
}

TEST(ExtendedProtocol, suspends_a_portal_at_its_row_limit) {
  WithPeople client;
  EXPECT_EQ(client.say(parse("SELECT * FROM people") + bind({}, {.portal = "p"}) + execute(2, "p") +
                       sync_up()),
            "1 2 D(1,a) D(2,b) s Z(I)");
  EXPECT_EQ(client.say(execute(2, "p") + sync_up()), "E(34000 portal \"p\" does not exist) Z(I)");
}

TEST(ExtendedProtocol, a_suspended_portal_goes_on_until_sync) {
  WithPeople client;
  EXPECT_EQ(client.say(parse("SELECT * FROM people") + bind() + execute(2) + execute(2) +
                       execute(2) + sync_up()),
            "1 2 D(1,a) D(2,b) s D(3,c) D(4,d) s D(5,e) C(SELECT 1) Z(I)");
}

TEST(ExtendedProtocol, a_portal_lives_as_long_as_its_transaction) {
  WithPeople client;
  client.backend.people.pop_back();
  client.say(query("BEGIN"));
  EXPECT_EQ(client.say(parse("SELECT * FROM people") + bind({}, {.portal = "p"}) + execute(2, "p") +
                       sync_up()),
            "1 2 D(1,a) D(2,b) s Z(T)");
  EXPECT_EQ(client.say(execute(2, "p") + sync_up()), "D(3,c) D(4,d) s Z(T)");
  EXPECT_EQ(client.say(execute(2, "p") + sync_up()), "C(SELECT 0) Z(T)");
  EXPECT_EQ(client.say(execute(2, "p") + sync_up()), "C(SELECT 0) Z(T)");
  client.say(query("COMMIT"));
  EXPECT_EQ(client.say(execute(2, "p") + sync_up()), "E(34000 portal \"p\" does not exist) Z(I)");
}

TEST(ExtendedProtocol, portals_and_cursors_share_their_names) {
  WithPeople client;
  client.say(query("BEGIN"));
  client.say(parse("SELECT * FROM people") + bind({}, {.portal = "pp"}) + sync_up());
  EXPECT_EQ(client.say(query("FETCH 2 FROM pp")), "T(id:23,name:25) D(1,a) D(2,b) C(FETCH 2) Z(T)");
  // psycopg 3 sends these messages for its server-side cursors.
  EXPECT_EQ(client.say(parse("DECLARE \"sc\" CURSOR FOR SELECT * FROM people") + bind() +
                       describe_portal() + execute() + sync_up()),
            "1 2 n C(DECLARE CURSOR) Z(T)");
  EXPECT_EQ(client.say(describe_portal("sc") + sync_up()), "T(id:23,name:25) Z(T)");
}

TEST(ExtendedProtocol, names_prepared_statements) {
  Begun client;
  EXPECT_EQ(client.say(parse("SELECT 1", "n1") + sync_up()), "1 Z(I)");
  EXPECT_EQ(client.say(parse("SELECT 2", "n1") + sync_up()),
            "E(42P05 prepared statement \"n1\" already exists) Z(I)");
  EXPECT_EQ(client.say(bind({}, {.statement = "n1"}) + execute() + sync_up()),
            "2 D(1) C(SELECT 1) Z(I)");
  EXPECT_EQ(client.say(close_statement("n1") + close_portal("none") + sync_up()), "3 3 Z(I)");
  EXPECT_EQ(client.say(describe_statement("n1") + sync_up()),
            "E(26000 prepared statement \"n1\" does not exist) Z(I)");
  EXPECT_EQ(client.say(bind({}, {.statement = "n1"}) + sync_up()),
            "E(26000 prepared statement \"n1\" does not exist) Z(I)");
}

TEST(ExtendedProtocol, the_unnamed_statement_ends_with_the_next_query_message) {
  Begun client;
  client.say(parse("SELECT 1") + sync_up());
  client.say(query("SELECT 2"));
  EXPECT_EQ(client.say(bind() + sync_up()),
            "E(26000 unnamed prepared statement does not exist) Z(I)");
}

TEST(ExtendedProtocol, wants_as_many_parameters_as_the_statement_has) {
  Begun client;
  EXPECT_EQ(client.say(parse("SELECT $1") + bind() + sync_up()),
            "1 E(08P01 bind message supplies 0 parameters, but prepared statement \"\" requires 1) "
            "Z(I)");
}

TEST(ExtendedProtocol, refuses_parameters_that_cannot_be_read) {
  Begun client;
  EXPECT_EQ(client.say(parse("SELECT $1::INT") + bind({"x"}) + sync_up()),
            "1 E(22P02 invalid input for parameter $1 (INTEGER): \"x\") Z(I)");
  EXPECT_EQ(
      client.say(parse("SELECT $1::INT") + bind({"x"}, {.parameter_formats = {1}}) + sync_up()),
      "1 E(08P01 insufficient data left in message) Z(I)");
  EXPECT_TRUE(
      client.say(parse("SELECT $1") + bind({"\xff"}) + sync_up()).starts_with("1 E(22021 "));
}

TEST(ExtendedProtocol, takes_one_statement_at_a_time) {
  Begun client;
  EXPECT_EQ(client.say(parse("SELECT 1; SELECT 2") + sync_up()),
            "E(42601 cannot insert multiple commands into a prepared statement) Z(I)");
}

TEST(ExtendedProtocol, answers_an_empty_statement) {
  Begun client;
  EXPECT_EQ(client.say(parse("") + bind() + describe_portal() + execute(1) + sync_up()),
            "1 2 n I Z(I)");
}

TEST(ExtendedProtocol, copies_out) {
  WithPeople client;
  client.backend.people.resize(2);
  EXPECT_EQ(client.say(parse("COPY people TO STDOUT") + bind() + describe_portal() + execute() +
                       sync_up()),
            "1 2 n H d(1\\x09a\\n) d(2\\x09b\\n) c C(COPY 2) Z(I)");
}

TEST(ExtendedProtocol, describes_a_statement_without_rows) {
  Begun client;
  EXPECT_EQ(
      client.say(parse("INSERT INTO people VALUES ($1, $2)") + describe_statement() + sync_up()),
      "1 t(23,25) n Z(I)");
}

TEST(ExtendedProtocol, does_not_run_a_command_twice) {
  Begun client;
  client.say(query("BEGIN"));
  EXPECT_EQ(client.say(parse("CREATE STREAM s (id INT KEY)") + bind({}, {.portal = "x"}) +
                       execute(0, "x") + execute(0, "x") + sync_up()),
            "1 2 N(00000 topic created) C(CREATE STREAM) E(55000 portal \"x\" cannot be run) Z(E)");
}

TEST(ExtendedProtocol, does_not_run_a_statement_of_the_session_twice) {
  for (const auto& [sql, answer] : std::vector<std::pair<std::string, std::string>>{
           {"SET jit = on", "C(SET)"},
           {"SAVEPOINT a", "C(SAVEPOINT)"},
           {"DECLARE c CURSOR FOR SELECT * FROM people", "C(DECLARE CURSOR)"},
           {"MOVE 1 FROM pp", "C(MOVE 1)"},
           {"CLOSE pp", "C(CLOSE CURSOR)"},
           {"COPY (SELECT 1) TO STDOUT", "H d(1\\n) c C(COPY 1)"},
           {"EXECUTE add", "C(INSERT 0 1)"}}) {
    WithPeople client;
    client.say(query("PREPARE add AS INSERT INTO people VALUES (9, 'z')"));
    client.say(query("BEGIN"));
    client.say(query("DECLARE pp CURSOR FOR SELECT * FROM people"));
    EXPECT_EQ(client.say(parse(sql) + bind({}, {.portal = "x"}) + execute(0, "x") +
                         execute(0, "x") + sync_up()),
              "1 2 " + answer + " E(55000 portal \"x\" cannot be run) Z(E)");
  }
}

// A bound FETCH returns its rows only once, however often it is executed; the cursor does not move
// further.
TEST(ExtendedProtocol, a_bound_fetch_gives_its_rows_once) {
  WithPeople client;
  client.say(query("BEGIN"));
  client.say(query("DECLARE c CURSOR FOR SELECT * FROM people"));
  client.say(parse("FETCH 2 FROM c", "two") + parse("FETCH ALL FROM c", "all") + sync_up());
  const auto bound = [](std::string_view statement) { return bind({}, {.statement = statement}); };
  EXPECT_EQ(client.say(bound("two") + execute() + execute() + sync_up()),
            "2 D(1,a) D(2,b) C(FETCH 2) C(FETCH 0) Z(T)");
  EXPECT_EQ(client.say(bound("two") + execute(1) + execute(1) + execute(1) + sync_up()),
            "2 D(3,c) s D(4,d) s C(FETCH 0) Z(T)");
  EXPECT_EQ(client.say(bound("all") + execute(1) + execute(1) + execute() + sync_up()),
            "2 D(5,e) s C(FETCH 0) C(FETCH 0) Z(T)");
  client.say(query("DECLARE s SCROLL CURSOR FOR SELECT * FROM people"));
  client.say(query("MOVE ALL FROM s"));
  client.say(parse("FETCH BACKWARD 3 FROM s", "back") + parse("FETCH FIRST FROM s", "first") +
             sync_up());
  EXPECT_EQ(client.say(bound("back") + execute(2) + execute(2) + execute() + sync_up()),
            "2 D(5,e) D(4,d) s D(3,c) C(FETCH 1) C(FETCH 0) Z(T)");
  EXPECT_EQ(client.say(bound("first") + execute(1) + execute(1) + sync_up()),
            "2 D(1,a) s C(FETCH 0) Z(T)");
}

TEST(ExtendedProtocol, a_statement_that_is_described_and_executed_gives_its_rows_once) {
  WithPeople client;
  client.say(query("PREPARE everybody AS SELECT * FROM people"));
  client.say(query("BEGIN"));
  EXPECT_EQ(client.say(parse("SHOW application_name") + bind() + execute(1) + execute() +
                       execute() + sync_up()),
            "1 2 D(test) s C(SHOW) C(SHOW) Z(T)");
  EXPECT_EQ(client.say(parse("SELECT set_config('a.b', 'c', false)") + bind() + execute() +
                       execute() + sync_up()),
            "1 2 D(c) C(SELECT 1) C(SELECT 0) Z(T)");
  EXPECT_EQ(client.say(parse("EXECUTE everybody") + bind() + execute(3) + execute() + execute() +
                       sync_up()),
            "1 2 D(1,a) D(2,b) D(3,c) s D(4,d) D(5,e) C(SELECT 2) C(SELECT 0) Z(T)");
}

TEST(ExtendedProtocol, discards_all_only_by_itself) {
  Begun client;
  const std::string discard = parse("DISCARD ALL") + bind() + execute();
  EXPECT_EQ(client.say(parse("SELECT 1") + bind() + execute() + discard + sync_up()),
            "1 2 D(1) C(SELECT 1) 1 2 E(25001 DISCARD ALL cannot be executed within a pipeline) "
            "Z(I)");
  EXPECT_EQ(client.say(discard + sync_up()), "1 2 C(DISCARD ALL) Z(I)");
}

TEST(ExtendedProtocol, runs_the_sessions_own_statements) {
  Begun client;
  const auto run = [&](std::string_view sql) {
    return client.say(parse(sql) + bind() + describe_portal() + execute() + sync_up());
  };
  EXPECT_EQ(run("BEGIN"), "1 2 n C(BEGIN) Z(T)");
  EXPECT_EQ(run("SET extra_float_digits = 3"), "1 2 n C(SET) Z(T)");
  EXPECT_EQ(run("SHOW extra_float_digits"), "1 2 T(extra_float_digits:25) D(3) C(SHOW) Z(T)");
  EXPECT_EQ(run("COMMIT"), "1 2 n C(COMMIT) Z(I)");
}

// PostgreSQL refuses zero bytes, too, because its clients end a text at them.
TEST(ExtendedProtocol, a_text_has_no_zero_bytes) {
  for (const int format : {0, 1}) {
    Begun client;
    client.say(parse("SELECT $1", "s", {25}));
    EXPECT_EQ(client.say(bind({std::string("ab\0cd", 5)},
                              {.statement = "s", .parameter_formats = {format}}) +
                         sync_up()),
              "E(22021 invalid byte sequence for encoding \"UTF8\": 0x00) Z(I)");
  }
}

TEST(ExtendedProtocol, in_a_failed_transaction_takes_only_its_end) {
  Begun client;
  client.say(parse("SELECT 1", "rows") + parse("ROLLBACK", "end") + sync_up());
  client.say(query("BEGIN"));
  client.say(parse("SELEC") + sync_up());
  EXPECT_TRUE(client.say(parse("SELECT 1") + sync_up()).starts_with("E(25P02 "));
  EXPECT_TRUE(client.say(describe_statement("rows") + sync_up()).starts_with("E(25P02 "));
  EXPECT_EQ(client.say(describe_statement("end") + sync_up()), "t() n Z(E)");
  EXPECT_EQ(client.say(parse("ROLLBACK") + bind() + execute() + sync_up()), "1 2 C(ROLLBACK) Z(I)");
}

// ---- INSERTs in a pipeline ----

TEST(ExtendedInsert, a_single_one_is_appended_as_it_arrives) {
  Begun client;
  EXPECT_EQ(client.say(parse("INSERT INTO people VALUES ($1, $2)") + bind({"1", "Ada"}) +
                       execute() + sync_up()),
            "1 2 C(INSERT 0 1) Z(I)");
  EXPECT_EQ(client.backend.commits, 0);
}

TEST(ExtendedInsert, waits_for_the_message_that_follows) {
  Begun client;
  EXPECT_EQ(
      client.say(parse("INSERT INTO people VALUES ($1, $2)") + bind({"1", "Ada"}) + execute()),
      "1 2");
  EXPECT_EQ(client.say(sync_up()), "C(INSERT 0 1) Z(I)");
}

TEST(ExtendedInsert, is_appended_with_the_others_before_sync) {
  Begun client;
  client.backend.holds_writes = true;
  std::string pipeline = parse("INSERT INTO people VALUES ($1, $2)", "i");
  for (int i = 0; i < 3; ++i)
    pipeline += bind({std::to_string(i), "x"}, {.statement = "i"}) + execute();
  EXPECT_EQ(client.say(pipeline + sync_up()), "");
  client.backend.let_go();
  EXPECT_EQ(client.hear(), "1 2 C(INSERT 0 1) 2 C(INSERT 0 1) 2 C(INSERT 0 1) Z(I)");
  EXPECT_EQ(client.backend.commits, 1);
  EXPECT_EQ(client.backend.people.size(), 3u);
}

TEST(ExtendedInsert, is_dropped_with_the_others_when_one_fails) {
  Begun client;
  const std::string one = bind({"1", "x"}, {.statement = "i"}) + execute();
  const std::string bad = bind({"one", "x"}, {.statement = "i"}) + execute();
  const std::string answer = client.say(parse("INSERT INTO people VALUES ($1, $2)", "i") + one +
                                        one + bad + one + sync_up());
  EXPECT_TRUE(answer.starts_with("1 2 C(INSERT 0 1) 2 C(INSERT 0 1) E(22P02 ")) << answer;
  EXPECT_TRUE(client.backend.people.empty());
}

TEST(ExtendedInsert, is_seen_after_flush_and_one_transaction_until_sync) {
  Begun client;
  const std::string one = bind({"1", "x"}, {.statement = "i"}) + execute();
  EXPECT_EQ(client.say(parse("INSERT INTO people VALUES ($1, $2)", "i") + one + one + flush()),
            "1 2 C(INSERT 0 1) 2 C(INSERT 0 1)");
  EXPECT_EQ(client.say(one + flush()), "2 C(INSERT 0 1)");
  EXPECT_TRUE(client.backend.people.empty());
  EXPECT_EQ(client.say(sync_up()), "Z(I)");
  EXPECT_EQ(client.backend.people.size(), 3u);
  EXPECT_EQ(client.backend.commits, 1);
}

TEST(ExtendedInsert, a_flushed_one_is_dropped_when_a_later_one_fails) {
  Begun client;
  const std::string one = bind({"1", "x"}, {.statement = "i"}) + execute();
  client.say(parse("INSERT INTO people VALUES ($1, $2)", "i") + one + flush());
  const std::string answer =
      client.say(bind({"one", "x"}, {.statement = "i"}) + execute() + sync_up());
  EXPECT_TRUE(answer.starts_with("E(22P02 ")) << answer;
  EXPECT_TRUE(client.backend.people.empty());
  EXPECT_EQ(client.say(one + sync_up()), "2 C(INSERT 0 1) Z(I)");
  EXPECT_EQ(client.backend.people.size(), 1u);
}

// Drivers use ROLLBACK to drop messages that they have flushed and no longer need.
TEST(ExtendedInsert, a_flushed_one_is_dropped_by_rollback_without_begin) {
  Begun client;
  const std::string one = bind({"1", "x"}, {.statement = "i"}) + execute();
  client.say(parse("INSERT INTO people VALUES ($1, $2)", "i") + one + flush());
  EXPECT_EQ(client.say(query("ROLLBACK")),
            "N(25P01 there is no transaction in progress) C(ROLLBACK) Z(I)");
  EXPECT_TRUE(client.backend.people.empty());
}

TEST(ExtendedInsert, a_gathered_one_is_not_reported_when_the_session_dies) {
  Begun client;
  const std::string one = bind({"1", "x"}, {.statement = "i"}) + execute();
  EXPECT_EQ(client.say(parse("INSERT INTO people VALUES ($1, $2)", "i") + one + one + "yellow"),
            "E(08P01 FATAL invalid frontend message type 121)");
  EXPECT_TRUE(client.backend.people.empty());
}

// ---- Types ----

TEST(Types, as_text) {
  Begun client;
  EXPECT_EQ(client.say(query("SELECT * FROM types")),
            "T(b:16,i:23,l:20,d:701,n:1700,s:25,x:17,day:1082,t:1083,ts:1184,a:1007,m:3802,"
            "nothing:25) "
            "D(t,-7,9000000000,1.5,12345.67,grüße,\\x00ff,2024-01-02,03:04:05.678,"
            "2024-01-02 03:04:05.678+00,{1,NULL,3},{\"k\":1},NULL) C(SELECT 1) Z(I)");
}

TEST(Types, as_binary) {
  Begun client;
  const std::string answer = client.hear_bytes(
      parse("SELECT * FROM types") + bind({}, {.result_formats = {1}}) + execute() + sync_up());
  const auto sized = [](std::string_view bytes) {
    return number32(static_cast<int64_t>(bytes.size())) + std::string(bytes);
  };
  constexpr int64_t kTimestampUs = (1'704'164'645'678 - 946'684'800'000) * 1000;
  std::string row = number16(13);
  row += sized("\x01");
  row += sized(number32(-7));
  row += sized(number64(9'000'000'000));
  row += sized(std::string("\x3f\xf8\0\0\0\0\0\0", 8));
  row += sized(number16(3) + number16(1) + number16(0) + number16(2) + number16(1) +
               number16(2345) + number16(6700));
  row += sized("grüße");
  row += sized(std::string("\0\xff", 2));
  row += sized(number32(8767));
  row += sized(number64(11'045'678'000));
  row += sized(number64(kTimestampUs));
  row += sized(number32(1) + number32(1) + number32(23) + number32(3) + number32(1) +
               sized(number32(1)) + number32(-1) + sized(number32(3)));
  row += sized("\x01{\"k\":1}");
  row += number32(-1);
  EXPECT_NE(answer.find(message('D', row)), std::string::npos);
}

TEST(Types, result_formats_may_differ_by_column) {
  WithPeople client;
  client.backend.people.resize(1);
  EXPECT_EQ(client.say(parse("SELECT * FROM people") + bind({}, {.result_formats = {1, 0}}) +
                       describe_portal() + execute() + sync_up()),
            "1 2 T(id:23b,name:25) D(\\x00\\x00\\x00\\x01,a) C(SELECT 1) Z(I)");
  EXPECT_TRUE(
      client
          .say(parse("SELECT * FROM people") + bind({}, {.result_formats = {1, 0, 1}}) + sync_up())
          .starts_with("1 E(08P01 bind message has 3 result formats"));
}

TEST(Types, parameters_are_read_as_the_statement_requires) {
  struct Case {
    const char* cast;
    uint32_t oid;
    std::string binary;
    const char* shown;
  };
  const Case kCases[] = {
      {"BOOLEAN", 16, std::string("\1"), "t"},
      {"BIGINT", 21, number16(-5), "-5"},  // psycopg 3 declares small numbers as int2
      {"BIGINT", 23, number32(70'000), "70000"},
      {"INT", 20, number64(7), "7"},
      {"DOUBLE", 701, std::string("\x3f\xf8\0\0\0\0\0\0", 8), "1.5"},
      {"DOUBLE", 21, number16(2), "2"},
      {"VARCHAR", 25, "text", "text"},
      {"VARCHAR", 23, number32(12), "12"},
      {"BYTES", 17, std::string("\0\xff", 2), "\\x00ff"},
      {"DECIMAL(10, 2)", 1700,
       number16(3) + number16(1) + number16(0x4000) + number16(2) + number16(1) + number16(2345) +
           number16(6700),
       "-12345.67"},
      {"DECIMAL(10, 4)", 1700,
       number16(1) + number16(-2) + number16(0) + number16(5) + number16(1200), "0.0000"},
      {"DATE", 1082, number32(8767), "2024-01-02"},
      {"TIME", 1083, number64(11'045'678'000), "03:04:05.678"},
      {"TIMESTAMP", 1184, number64(0), "2000-01-01 00:00:00+00"},
      {"TIMESTAMP", 1114, number64(-1000), "1999-12-31 23:59:59.999+00"},
      {"ARRAY<INT>", 1007,
       number32(1) + number32(1) + number32(23) + number32(2) + number32(1) + number32(4) +
           number32(5) + number32(-1),
       "{5,NULL}"},
      {"ARRAY<VARCHAR>", 1009,
       number32(1) + number32(0) + number32(25) + number32(1) + number32(1) + number32(3) + "a\"b",
       "{\"a\\\"b\"}"},
      {"MAP<VARCHAR, INT>", 3802, std::string("\1") + "{\"k\": 1}", "{\"k\":1}"},
  };
  for (const Case& c : kCases) {
    Begun client;
    const std::string sql = std::string("SELECT CAST($1 AS ") + c.cast + ")";
    const std::string answer =
        client.say(parse(sql, "", {c.oid}) + bind({c.binary}, {.parameter_formats = {1}}) +
                   execute() + sync_up());
    EXPECT_EQ(answer, "1 2 D(" + std::string(c.shown) + ") C(SELECT 1) Z(I)") << sql;
  }
}

TEST(Types, null_parameters_are_null) {
  Begun client;
  EXPECT_EQ(client.say(parse("SELECT $1::INT") + bind({std::nullopt}) + execute() + sync_up()),
            "1 2 D(NULL) C(SELECT 1) Z(I)");
}

TEST(Types, unknown_ones_are_refused) {
  Begun client;
  EXPECT_TRUE(client.say(parse("SELECT $1", "", {600}) + sync_up()).starts_with("E(0A000 "));
}

// An EXECUTE that names itself would make a server without a limit exceed its stack.
TEST(ExtendedProtocol, an_execute_may_name_itself) {
  Begun client;
  const std::string refused = "E(0A000 EXECUTE of such a statement is not supported yet)";
  EXPECT_EQ(client.say(parse("EXECUTE a", "a") + describe_statement("a") + sync_up()),
            "1 " + refused + " Z(I)");
  EXPECT_EQ(client.say(parse("EXECUTE c", "b") + parse("EXECUTE b", "c") +
                       bind({}, {.statement = "b"}) + describe_portal() + sync_up()),
            "1 1 " + refused + " Z(I)");
}

namespace {

// Sends the same unnamed statement `times` times. Returns the number of times that it was analysed.
size_t analyses_of(WithPeople& client, const std::string& sql, int times,
                   const std::string& answer) {
  const size_t before = client.backend.analyses;
  for (int i = 0; i < times; ++i)
    EXPECT_EQ(client.say(parse(sql) + bind() + execute() + sync_up()), answer);
  return client.backend.analyses - before;
}

constexpr char kTwoPeople[] = "SELECT * FROM people LIMIT 2";
constexpr char kTwoRows[] = "1 2 D(1,a) D(2,b) C(SELECT 2) Z(I)";

}  // namespace

TEST(ExtendedProtocol, a_repeated_unnamed_statement_is_analysed_twice) {
  WithPeople client;
  EXPECT_EQ(analyses_of(client, kTwoPeople, 5, kTwoRows), 2u);
}

TEST(ExtendedProtocol, a_repeated_unnamed_statement_is_analysed_again_after_a_definition) {
  WithPeople client;
  analyses_of(client, kTwoPeople, 3, kTwoRows);
  ++client.backend.revision;
  EXPECT_EQ(analyses_of(client, kTwoPeople, 3, kTwoRows), 1u);
}

TEST(ExtendedProtocol, a_repeated_unnamed_statement_is_analysed_again_after_a_setting) {
  WithPeople client;
  analyses_of(client, kTwoPeople, 3, kTwoRows);
  client.say(query("SET search_path = other"));
  EXPECT_EQ(analyses_of(client, kTwoPeople, 3, kTwoRows), 1u);
  // A setting that ends with the transaction changes at its beginning and at its end.
  client.say(query("BEGIN; SET LOCAL search_path = third; COMMIT"));
  EXPECT_EQ(analyses_of(client, kTwoPeople, 3, kTwoRows), 1u);
  client.say(query("BEGIN"));
  client.say(query("COMMIT"));
  EXPECT_EQ(analyses_of(client, kTwoPeople, 3, kTwoRows), 0u);
}

TEST(ExtendedProtocol, an_unnamed_statement_with_other_parameter_types_is_analysed) {
  WithPeople client;
  const auto ask = [&](std::vector<uint32_t> oids) {
    client.say(parse("SELECT $1", "", std::move(oids)) + describe_statement() + sync_up());
  };
  for (int i = 0; i < 3; ++i) ask({oid::kInt4});
  const size_t before = client.backend.analyses;
  ask({oid::kInt8});
  EXPECT_EQ(client.backend.analyses, before + 1);
}

TEST(ExtendedProtocol, a_failed_transaction_refuses_a_repeated_unnamed_statement) {
  WithPeople client;
  analyses_of(client, kTwoPeople, 3, kTwoRows);
  client.say(query("BEGIN"));
  client.say(query("SELEC"));
  const std::string answer = client.say(parse(kTwoPeople) + sync_up());
  EXPECT_TRUE(answer.starts_with("E(25P02")) << answer;
}
