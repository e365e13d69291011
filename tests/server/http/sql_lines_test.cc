// Tests the lines that POST /sql writes, without a session.
#include "server/http/rest/sql_lines.h"

#include <gtest/gtest.h>

#include "engine/sql/ast.h"
#include "server/http/rest/sql_stream.h"

namespace server::http {
namespace {

using engine::Column;
using engine::ColumnPtr;
using engine::SqlType;
using engine::TypeKind;
using engine::Value;

ColumnPtr column_of(const SqlType& type, std::initializer_list<Value> values) {
  auto column = std::make_shared<Column>(type);
  for (const Value& value : values) column->append_value(value);
  return column;
}

struct Lines : SqlLines::Events {
  explicit Lines(SqlLines::Options options = {}) : lines(*this, clock, options) {}
  std::string begin_query(std::string_view source, sql::RowsKind) override {
    return "transient_" + std::string(source) + "_1";
  }
  void end_query() override { ++ended; }
  void on_failure(const Error& error) override { failures.push_back(error.code); }
  std::string take() { return std::exchange(out, {}); }

  SimulatedClock clock;
  int ended = 0;
  std::vector<ErrorCode> failures;
  SqlLines lines;
  std::string out;
  const engine::ParsedStatement statement;
};

TEST(SqlLines, a_row_keeps_each_number_exactly) {
  Lines lines;
  ASSERT_TRUE(lines.lines.begin_statement(lines.statement));
  const std::vector<sql::ResultColumn> columns = {{"l", TypeKind::Bigint, "L", "KEY"},
                                                  {"n", SqlType::decimal(30, 2)},
                                                  {"t", TypeKind::String},
                                                  {"a", SqlType::array(SqlType::decimal(4, 1))},
                                                  {"d", TypeKind::Double}};
  lines.lines.begin_rows(lines.out, columns, sql::RowsKind::Rows);
  EXPECT_EQ(lines.take(),
            R"({"head":{"n":1,"kind":"rows","id":"transient_QUERY_1","columns":[)"
            R"x({"name":"l","type":"BIGINT","key":true},{"name":"n","type":"DECIMAL(30, 2)"},)x"
            R"({"name":"t","type":"VARCHAR"},{"name":"a","type":"ARRAY<DECIMAL(4, 1)>"},)"
            R"({"name":"d","type":"DOUBLE"}]}})"
            "\n");
  constexpr int64_t kMost = int64_t{1} << 53;
  const std::vector<ColumnPtr> row = {
      column_of(TypeKind::Bigint, {Value::bigint(kMost), Value::bigint(-kMost - 1)}),
      column_of(SqlType::decimal(30, 2), {Value::decimal(1234567, 2), Value()}),
      column_of(TypeKind::String, {Value::text("a\"\n"), Value::text("")}),
      column_of(SqlType::array(SqlType::decimal(4, 1)),
                {Value::list({Value::decimal(15, 1), Value()}), Value()}),
      column_of(TypeKind::Double, {Value::number(1.5), Value::number(-0.25)})};
  lines.lines.add_row(lines.out, row, 0);
  lines.lines.add_row(lines.out, row, 1);
  lines.clock.advance_us(12'900);
  lines.lines.end_statement(lines.out, "SELECT 2");
  EXPECT_EQ(lines.take(), R"([9007199254740992,"12345.67","a\"\n",["1.5",null],1.5])"
                          "\n"
                          R"(["-9007199254740993",null,"",null,-0.25])"
                          "\n"
                          R"({"done":{"n":1,"tag":"SELECT","rows":2,"more":false,"ms":12}})"
                          "\n");
  EXPECT_EQ(lines.ended, 1);
}

TEST(SqlLines, changes_are_marked_and_numbered) {
  Lines lines({.together = 2});
  const auto range = lines.lines.begin_script(3);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 2u);
  EXPECT_EQ(range->end, 3u);
  ASSERT_TRUE(lines.lines.begin_statement(lines.statement));
  lines.lines.begin_rows(lines.out, std::vector<sql::ResultColumn>{{"k", TypeKind::String}},
                         sql::RowsKind::Changes);
  lines.take();
  const std::vector<ColumnPtr> rows = {
      column_of(TypeKind::String, {Value::text("x"), Value::text("y")}),
      column_of(TypeKind::Boolean, {Value::boolean(true), Value::boolean(false)})};
  lines.lines.add_row(lines.out, rows, 0);
  lines.lines.add_row(lines.out, rows, 1);
  EXPECT_EQ(lines.take(), "[3,\"u\",\"x\"]\n[3,\"d\",\"y\"]\n");
}

TEST(SqlLines, rows_beyond_the_limit_are_left_out_and_changes_are_not) {
  const std::vector<sql::ResultColumn> columns = {{"k", TypeKind::Integer}};
  const std::vector<ColumnPtr> rows = {
      column_of(TypeKind::Integer, {Value::integer(1), Value::integer(2)}),
      column_of(TypeKind::Boolean, {Value::boolean(true), Value::boolean(true)})};
  Lines lines({.max_rows = 1});
  ASSERT_TRUE(lines.lines.begin_statement(lines.statement));
  lines.lines.begin_rows(lines.out, columns, sql::RowsKind::Rows);
  lines.take();
  lines.lines.add_row(lines.out, std::span(rows).first(1), 0);
  lines.lines.add_row(lines.out, std::span(rows).first(1), 1);
  lines.lines.end_statement(lines.out, "SELECT 2");
  EXPECT_EQ(lines.take(),
            "[1]\n{\"done\":{\"n\":1,\"tag\":\"SELECT\",\"rows\":1,\"more\":true,\"ms\":0}}\n");
  const engine::ParsedStatement next;
  ASSERT_TRUE(lines.lines.begin_statement(next));
  ASSERT_TRUE(lines.lines.begin_statement(next)) << "a second call for one statement";
  lines.lines.begin_rows(lines.out, columns, sql::RowsKind::Changes);
  lines.take();
  lines.lines.add_row(lines.out, rows, 0);
  lines.lines.add_row(lines.out, rows, 1);
  EXPECT_EQ(lines.take(), "[\"u\",1]\n[\"u\",2]\n");
  lines.lines.end_statement(lines.out, "SELECT 2");
  EXPECT_EQ(lines.take(),
            "{\"done\":{\"n\":2,\"tag\":\"SELECT\",\"rows\":2,\"more\":false,\"ms\":0}}\n");
}

TEST(SqlLines, the_numbers_of_a_tag_are_its_rows) {
  for (const auto& [tag, command, rows] :
       std::initializer_list<std::tuple<const char*, const char*, int>>{
           {"INSERT 0 3", "INSERT", 3},
           {"UPDATE 7", "UPDATE", 7},
           {"CREATE TABLE", "CREATE TABLE", 0},
           {"SET", "SET", 0},
           {"", "", 0}}) {
    Lines lines;
    lines.lines.end_statement(lines.out, tag);
    EXPECT_EQ(lines.take(), "{\"done\":{\"tag\":\"" + std::string(command) + "\",\"rows\":" +
                                std::to_string(rows) + ",\"more\":false,\"ms\":0}}\n");
  }
}

TEST(SqlLines, at_most_sixteen_push_queries_run_side_by_side) {
  Lines lines({.together = 0});
  EXPECT_TRUE(lines.lines.begin_script(kMostTogether));
  const auto refused = lines.lines.begin_script(kMostTogether + 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::LimitExceeded);
  sql::Prepared prepared;
  prepared.kind = sql::ResultKind::Rows;
  EXPECT_FALSE(lines.lines.accept(&prepared));
  EXPECT_FALSE(lines.lines.accept(nullptr));
  prepared.kind = sql::ResultKind::PushRows;
  EXPECT_TRUE(lines.lines.accept(&prepared));
}

struct MarkedCase {
  const char* text;
  uint32_t offset;
  const char* hint;
  uint32_t line, column, length;
  const char* fix;
};

TEST(MarkedText, shows_the_word_and_its_replacement) {
  for (const MarkedCase& each : std::initializer_list<MarkedCase>{
           {"SELECT nme FROM t", 7, "Did you mean NAME? Columns: NAME.", 1, 8, 3, "name"},
           {"SELECT NME FROM t", 7, "Did you mean NAME?", 1, 8, 3, "NAME"},
           {"SELECT 1;\nSELECT b.nme FROM b", 17, "Did you mean NAME?", 2, 10, 3, "name"},
           {"SELECT \"nme\" FROM t", 7, "Did you mean `name`?", 1, 8, 5, "\"name\""},
           {"SELECT Name FROM t", 7, "Did you mean `name`?", 1, 8, 4, "\"name\""},
           {"selec 1", 0, "Did you mean SELECT?", 1, 1, 5, "select"},
           {"SELECT 'ü', nme FROM t", 13, "Did you mean NAME?", 1, 13, 3, "name"},
           // The hint is about another word than the marked one, or about several words.
           {"SELECT nme FROM t", 0, "Did you mean NAME?", 1, 1, 6, ""},
           {"SELECT nme FROM t", 7, "Did you mean NAME or NUM?", 1, 8, 3, ""},
           {"SELECT nme FROM t", 7, "Columns: NAME.", 1, 8, 3, ""},
           {"SELECT 1.5 >= 'it''s'", 7, "", 1, 8, 3, ""},
           {"SELECT 1.5 >= 'it''s'", 11, "", 1, 12, 2, ""},
           {"SELECT 1.5 >= 'it''s'", 14, "", 1, 15, 7, ""},
           {"SELECT", 6, "", 1, 7, 0, ""}}) {
    Error error{ErrorCode::UndefinedColumn, "m", {}, each.hint};
    error.position = TextPosition{9, 9, each.offset};
    const auto marked = marked_text(error, each.text);
    ASSERT_TRUE(marked) << each.text;
    EXPECT_EQ(marked->line, each.line) << each.text;
    EXPECT_EQ(marked->column, each.column) << each.text;
    EXPECT_EQ(marked->length, each.length) << each.text << each.offset;
    EXPECT_EQ(marked->fix, each.fix) << each.text << " " << each.hint;
  }
  Error error{ErrorCode::UndefinedColumn, "m"};
  EXPECT_FALSE(marked_text(error, "SELECT 1"));
  error.position = TextPosition{1, 1, 99};
  EXPECT_FALSE(marked_text(error, "SELECT 1"));
}

TEST(ErrorLine, has_only_the_members_that_are_known) {
  EXPECT_EQ(error_line({ErrorCode::DivisionByZero, "division by zero"}, {}, 0),
            "{\"error\":{\"code\":\"22012\",\"message\":\"division by zero\"}}\n");
  Error error{ErrorCode::UndefinedColumn, "no", "D.", "Did you mean NAME?"};
  error.position = TextPosition{1, 8, 7};
  EXPECT_EQ(error_line(error, "SELECT nme FROM t", 2),
            R"({"error":{"n":2,"code":"42703","message":"no","detail":"D.",)"
            R"("hint":"Did you mean NAME?","line":1,"column":8,"length":3,"fix":"name"}})"
            "\n");
}

TEST(SqlBody, reads_each_member) {
  const auto body = read_sql_body(
      R"({"sql":"SELECT 1","settings":{"a.b":1,"c":true,"d":"x"},"variables":{"v":"w"},)"
      R"("max_rows":10,"together":true})");
  ASSERT_TRUE(body);
  EXPECT_EQ(body->sql, "SELECT 1");
  EXPECT_EQ(body->settings,
            (std::map<std::string, std::string>{{"a.b", "1"}, {"c", "true"}, {"d", "x"}}));
  EXPECT_EQ(body->variables, (std::map<std::string, std::string>{{"v", "w"}}));
  EXPECT_EQ(body->max_rows, 10u);
  EXPECT_TRUE(body->is_together);
}

TEST(SqlBody, rejects_other_bodies_by_name) {
  for (const auto& [text, word] : std::initializer_list<std::pair<const char*, const char*>>{
           {"SELECT 1", "not JSON"},
           {"[1]", "not a JSON object"},
           {"{}", "\"sql\""},
           {R"({"sql":1})", "\"sql\""},
           {R"({"sql":"","ksql":""})", "\"ksql\""},
           {R"({"sql":"","maxRows":1})", "\"maxRows\""},
           {R"({"sql":"","settings":[]})", "\"settings\""},
           {R"({"sql":"","settings":{"a":null}})", "\"settings.a\""},
           {R"({"sql":"","variables":{"a":[]}})", "\"variables.a\""},
           {R"({"sql":"","max_rows":0})", "\"max_rows\""},
           {R"({"sql":"","max_rows":1.5})", "\"max_rows\""},
           {R"({"sql":"","max_rows":"1"})", "\"max_rows\""},
           {R"({"sql":"","max_rows":4294967295})", "\"max_rows\""},
           {R"({"sql":"","together":1})", "\"together\""}}) {
    const auto body = read_sql_body(text);
    ASSERT_FALSE(body) << text;
    EXPECT_NE(body.error().message.find(word), std::string::npos) << body.error().message;
    EXPECT_FALSE(body.error().hint.empty()) << text;
  }
}

}  // namespace
}  // namespace server::http
