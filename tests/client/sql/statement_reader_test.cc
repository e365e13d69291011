#include "client/sql/statement_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace client {

namespace {

std::vector<SqlStatement> read(const std::vector<std::string>& lines) {
  StatementReader reader;
  std::vector<SqlStatement> statements;
  for (const std::string& line : lines) {
    reader.add_line(line);
    while (const auto statement = reader.next()) statements.push_back(*statement);
  }
  if (const auto rest = reader.rest()) statements.push_back(*rest);
  return statements;
}

using Statements = std::vector<SqlStatement>;

TEST(StatementReader, a_statement_ends_at_its_semicolon) {
  EXPECT_EQ(read({"SELECT 1; SELECT", "2;", "", "SELECT 3"}),
            (Statements{{"SELECT 1;", 1}, {"SELECT\n2;", 1}, {"SELECT 3", 4}}));
}

TEST(StatementReader, semicolons_in_quotes_and_comments_end_nothing) {
  EXPECT_EQ(read({"SELECT ';', 'it''s;', \";\", `;` -- ;", "/* ; /* ; */ ; */ FROM a;"}),
            (Statements{{"SELECT ';', 'it''s;', \";\", `;` -- ;\n/* ; /* ; */ ; */ FROM a;", 1}}));
  EXPECT_EQ(read({"SELECT $$ ; $$, $a$ $$ ; $a$;", "SELECT $1;"}),
            (Statements{{"SELECT $$ ; $$, $a$ $$ ; $a$;", 1}, {"SELECT $1;", 2}}));
  EXPECT_EQ(read({"SELECT E'\\';', name'\\';"}), (Statements{{"SELECT E'\\';', name'\\';", 1}}));
}

TEST(StatementReader, blanks_comments_and_lone_semicolons_are_no_statements) {
  EXPECT_EQ(read({"-- a comment;", " ;; /* another; */", "  SELECT 1;", "-- the end"}),
            (Statements{{"SELECT 1;", 3}}));
}

TEST(StatementReader, a_quote_that_is_not_closed_takes_the_rest) {
  StatementReader reader;
  reader.add_line("SELECT 'a;");
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.is_inside());
  reader.clear();
  EXPECT_FALSE(reader.is_inside());
  reader.add_line("SELECT 1;");
  EXPECT_EQ(reader.next(), (SqlStatement{"SELECT 1;", 2}));
}

TEST(StatementReader, a_push_statement_has_its_words_outside_of_quotes) {
  EXPECT_TRUE(is_push_statement("select * from a emit\n changes"));
  EXPECT_TRUE(is_push_statement("/* x */ PRINT 'a';"));
  EXPECT_FALSE(is_push_statement("SELECT 'EMIT CHANGES' FROM a -- EMIT CHANGES"));
  EXPECT_FALSE(is_push_statement("CREATE TABLE a AS SELECT * FROM b EMIT CHANGES"));
  EXPECT_TRUE(is_push_statement("WITH b AS (SELECT 1) SELECT * FROM b EMIT CHANGES;"));
  EXPECT_FALSE(is_push_statement("SELECT changes, emit FROM a"));
  EXPECT_FALSE(is_push_statement(""));
  EXPECT_FALSE(is_push_statement("/* "));
}

}  // namespace

}  // namespace client
