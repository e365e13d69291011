#include "tests/engine/sql/parse_helpers.h"

namespace engine {
namespace {

TEST(SessionStatement, transactions) {
  EXPECT_EQ(parse_as<Transaction>("BEGIN").tag, "BEGIN");
  EXPECT_EQ(parse_as<Transaction>(
                "begin transaction isolation level read committed, read write, not deferrable")
                .action,
            TransactionAction::Begin);
  EXPECT_EQ(parse_as<Transaction>("START TRANSACTION READ ONLY").tag, "START TRANSACTION");
  EXPECT_EQ(parse_as<Transaction>("COMMIT WORK AND NO CHAIN").action, TransactionAction::Commit);
  EXPECT_EQ(parse_as<Transaction>("END").tag, "COMMIT");
  EXPECT_EQ(parse_as<Transaction>("ROLLBACK").action, TransactionAction::Rollback);
  EXPECT_EQ(parse_as<Transaction>("ABORT").tag, "ROLLBACK");
  const auto savepoint = parse_as<Transaction>("SAVEPOINT _EXEC_SVP_0x1");
  EXPECT_EQ(savepoint.action, TransactionAction::Savepoint);
  EXPECT_EQ(savepoint.savepoint, "_EXEC_SVP_0X1");
  EXPECT_EQ(parse_as<Transaction>("RELEASE SAVEPOINT a").action, TransactionAction::Release);
  EXPECT_EQ(parse_as<Transaction>("ROLLBACK TO a").action, TransactionAction::RollbackTo);
  EXPECT_EQ(parse_as<Transaction>("ROLLBACK TRANSACTION TO SAVEPOINT a").savepoint, "A");
}

TEST(SessionStatement, settings) {
  const auto set = parse_as<SetSetting>("SET extra_float_digits = 3");
  EXPECT_EQ(set.name, "extra_float_digits");
  EXPECT_EQ(set.value, "3");
  EXPECT_EQ(parse_as<SetSetting>("SET SESSION push.output TO 'rows'").name, "push.output");
  EXPECT_TRUE(parse_as<SetSetting>("SET LOCAL statement_timeout = 0").is_local);
  EXPECT_EQ(parse_as<SetSetting>("SET DateStyle = ISO, MDY").value, "ISO, MDY");
  EXPECT_FALSE(parse_as<SetSetting>("SET x TO DEFAULT").value);
  EXPECT_EQ(parse_as<SetSetting>("SET jit TO off").value, "off");
  EXPECT_EQ(parse_as<SetSetting>("SET synchronous_commit = on").value, "on");
  EXPECT_EQ(parse_as<SetSetting>("SET TIME ZONE 'UTC'").name, "timezone");
  EXPECT_EQ(parse_as<SetSetting>("SET NAMES 'UTF8'").name, "client_encoding");
  const auto modes = parse_as<SetTransaction>(
      "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED");
  EXPECT_TRUE(modes.for_session);
  EXPECT_EQ(modes.modes, "ISOLATION LEVEL READ COMMITTED");
  EXPECT_FALSE(parse_as<SetTransaction>("SET TRANSACTION READ ONLY").for_session);
}

TEST(SessionStatement, show_and_reset) {
  EXPECT_EQ(parse_as<ShowSetting>("SHOW server_version").name, "server_version");
  EXPECT_EQ(parse_as<ShowSetting>("show transaction isolation level").name,
            "transaction_isolation");
  EXPECT_EQ(parse_as<ShowSetting>("SHOW TIME ZONE").name, "timezone");
  EXPECT_EQ(parse_as<ShowSetting>("SHOW ALL").name, "all");
  EXPECT_EQ(parse_as<ResetSetting>("RESET ALL").name, "all");
  EXPECT_EQ(parse_as<ResetSetting>("RESET push.output").name, "push.output");
  EXPECT_EQ(parse_as<Discard>("DISCARD ALL").target, DiscardTarget::All);
  EXPECT_EQ(parse_as<Discard>("DISCARD TEMP").target, DiscardTarget::Temporary);
}

TEST(SessionStatement, cursors_as_clients_spell_them) {
  EXPECT_FALSE(
      parse_as<DeclareCursor>("DECLARE _psql_cursor NO SCROLL CURSOR FOR SELECT 1").is_scroll);
  EXPECT_FALSE(
      parse_as<DeclareCursor>("DECLARE \"nc\" CURSOR WITHOUT HOLD FOR SELECT 1").with_hold);
  const auto declare = parse_as<DeclareCursor>(
      "declare \"SQL_CUR0x32\" binary scroll cursor with hold for SELECT * FROM t EMIT CHANGES");
  EXPECT_EQ(declare.name, "SQL_CUR0x32");
  EXPECT_TRUE(declare.is_binary && declare.is_scroll && declare.with_hold);
  EXPECT_EQ(declare.query_text, "SELECT * FROM t EMIT CHANGES");

  const auto fetch = parse_as<FetchCursor>("FETCH FORWARD 5 FROM \"nc\"");
  EXPECT_EQ(fetch.direction, FetchDirection::Forward);
  EXPECT_EQ(fetch.count, 5);
  EXPECT_EQ(fetch.cursor, "nc");
  EXPECT_EQ(parse_as<FetchCursor>("fetch 5 in c").count, 5);
  EXPECT_EQ(parse_as<FetchCursor>("FETCH c").count, 1);
  EXPECT_EQ(parse_as<FetchCursor>("FETCH NEXT FROM c").count, 1);
  EXPECT_FALSE(parse_as<FetchCursor>("FETCH FORWARD ALL FROM c").count);
  EXPECT_FALSE(parse_as<FetchCursor>("FETCH ALL c").count);
  EXPECT_EQ(parse_as<FetchCursor>("FETCH ABSOLUTE -2 FROM c").count, -2);
  EXPECT_EQ(parse_as<FetchCursor>("FETCH PRIOR FROM c").direction, FetchDirection::Backward);
  EXPECT_TRUE(parse_as<FetchCursor>("MOVE BACKWARD 3 IN c").is_move);
  EXPECT_EQ(*parse_as<CloseCursor>("CLOSE c").cursor, "C");
  EXPECT_FALSE(parse_as<CloseCursor>("CLOSE ALL").cursor);
}

TEST(SessionStatement, copy_with_both_spellings_of_options) {
  const auto in = parse_as<Copy>(
      "COPY orders (id, city) FROM STDIN WITH (FORMAT csv, HEADER, NULL '', FORCE_NULL (city))");
  EXPECT_EQ(in.direction, CopyDirection::FromStdin);
  EXPECT_EQ(in.source, "ORDERS");
  EXPECT_EQ(in.columns.at(1), "CITY");
  ASSERT_EQ(in.options.size(), 4u);
  EXPECT_EQ(in.options[0].name, "format");
  EXPECT_EQ(in.options[0].value, "csv");
  EXPECT_EQ(in.options[1].name, "header");
  EXPECT_FALSE(in.options[1].value);
  EXPECT_EQ(in.options[2].name, "null");
  EXPECT_EQ(in.options[2].value, "");
  EXPECT_EQ(in.options[3].columns.at(0), "CITY");

  const auto old =
      parse_as<Copy>("copy orders from stdin csv header delimiter as ';' force not null city");
  ASSERT_EQ(old.options.size(), 4u);
  EXPECT_EQ(old.options[0].name, "format");
  EXPECT_EQ(old.options[0].value, "csv");
  EXPECT_EQ(old.options[2].name, "delimiter");
  EXPECT_EQ(old.options[2].value, ";");
  EXPECT_EQ(old.options[3].name, "force_not_null");

  const auto out =
      parse_as<Copy>("COPY (SELECT * FROM t EMIT CHANGES) TO STDOUT (FORMAT 'json', HEADER True)");
  EXPECT_EQ(out.direction, CopyDirection::ToStdout);
  ASSERT_TRUE(out.query);
  EXPECT_EQ(out.query->emit, Emit::Changes);
  EXPECT_EQ(out.options.at(1).value, "true");
  EXPECT_EQ(parse_as<Copy>("copy pgbench_accounts from stdin with (freeze on)").options.at(0).value,
            "on");
}

TEST(SessionStatement, copy_does_not_reach_files_of_the_server) {
  const Error error = error_of("COPY t FROM '/etc/passwd'");
  EXPECT_EQ(error.code, ErrorCode::NotSupported);
  EXPECT_FALSE(error.hint.empty());
  EXPECT_EQ(error_of("COPY t FROM STDOUT").message, "syntax error at \"STDOUT\"");
  EXPECT_EQ(error_of("COPY (SELECT 1) FROM STDIN").message, "syntax error at \"FROM\"");
}

TEST(SessionStatement, prepared_statements) {
  const auto prepare =
      parse_as<Prepare>("PREPARE q (int, text) AS SELECT * FROM t WHERE a = $1 AND b = $2");
  EXPECT_EQ(prepare.parameter_types.size(), 2u);
  EXPECT_EQ(prepare.statement->text, "SELECT * FROM t WHERE a = $1 AND b = $2");
  EXPECT_EQ(parse_as<ExecutePrepared>("EXECUTE q (1, 'x')").arguments.size(), 2u);
  EXPECT_EQ(*parse_as<Deallocate>("DEALLOCATE PREPARE q").name, "Q");
  EXPECT_FALSE(parse_as<Deallocate>("DEALLOCATE ALL").name);
}

TEST(SessionStatement, notifications) {
  EXPECT_EQ(parse_as<Listen>("LISTEN c").channel, "C");
  EXPECT_FALSE(parse_as<Unlisten>("UNLISTEN *").channel);
  EXPECT_EQ(parse_as<Notify>("NOTIFY c, 'hello'").payload, "hello");
}

TEST(SessionStatement, asyncpgs_reset_of_a_session_is_parsed) {
  EXPECT_EQ(parse_script("SELECT pg_advisory_unlock_all();\nCLOSE ALL;\nUNLISTEN *;\nRESET ALL;")
                .value()
                .size(),
            4u);
}

}  // namespace
}  // namespace engine
