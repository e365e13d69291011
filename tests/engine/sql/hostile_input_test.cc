// Checks that any text gives a tree or one error, in bounded time and stack.
#include <random>

#include "tests/engine/sql/parse_helpers.h"

namespace engine {
namespace {

std::string repeated(std::string_view part, size_t count) {
  std::string text;
  text.reserve(part.size() * count);
  for (size_t i = 0; i < count; ++i) text += part;
  return text;
}

TEST(HostileInput, deep_nesting_is_an_error) {
  const std::string texts[] = {
      "SELECT " + repeated("(", 10'000) + "1" + repeated(")", 10'000),
      "SELECT " + repeated("(", 1'000'000),
      "SELECT " + repeated("a[", 10'000),
      "SELECT " + repeated("f(", 10'000),
      "SELECT " + repeated("CASE WHEN a THEN ", 10'000),
      "SELECT " + repeated("NOT ", 10'000) + "a",
      "SELECT " + repeated("- ", 10'000) + "a",
      "SELECT " + repeated("f(x => ", 10'000) + "a)",
      "SELECT 1" + repeated(" + 1", 10'000),
      "SELECT a" + repeated("->b", 10'000),
      "SELECT a" + repeated(" OR a", 10'000),
      "SELECT CAST(a AS " + repeated("ARRAY<", 10'000),
      "SELECT a" + repeated("::int", 10'000),
      "SELECT CAST(a AS INT" + repeated(" ARRAY", 10'000) + ")",
      repeated("EXPLAIN ", 10'000) + "SELECT 1",
  };
  for (const std::string& text : texts) {
    const Error error = error_of(text);
    EXPECT_EQ(error.code, ErrorCode::LimitExceeded) << text.substr(0, 40) << "\n" << error.message;
    EXPECT_TRUE(error.position);
  }
}

TEST(HostileInput, nesting_below_the_limit_parses) {
  EXPECT_TRUE(parse_script("SELECT " + repeated("(", 300) + "1" + repeated(")", 300)));
  EXPECT_TRUE(parse_script("SELECT " + repeated("f(", 200) + "1" + repeated(")", 200)));
  EXPECT_TRUE(parse_script("SELECT " + repeated("ARRAY[", 100) + "1" + repeated("]", 100)));
  EXPECT_TRUE(parse_script("SELECT a" + repeated(" OR a = 1", 700)));
  EXPECT_TRUE(parse_script("SELECT a IN (1" + repeated(", 1", 5'000) + ")"));
}

TEST(HostileInput, comments_may_nest_at_will) {
  EXPECT_EQ(
      parse_script(repeated("/*", 100'000) + repeated("*/", 100'000) + "SELECT 1").value().size(),
      1u);
  EXPECT_EQ(error_of(repeated("/*", 100'000)).message, "unterminated /* comment");
}

TEST(HostileInput, bytes_that_are_no_text_are_refused) {
  using std::string_literals::operator""s;
  for (const std::string& text :
       {"SELECT '\0'"s, "\0"s, "SELECT \xFF"s, "SELECT '\xC3'"s, "SELECT '\xED\xA0\x80'"s})
    EXPECT_EQ(error_of(text).code, ErrorCode::InvalidEncoding);
  EXPECT_EQ(error_of("SELECT E'\\xff'").code, ErrorCode::InvalidEncoding);
  EXPECT_EQ(error_of("SELECT E'\\0'").code, ErrorCode::InvalidEncoding);
}

TEST(HostileInput, a_megabyte_of_anything_gives_one_error) {
  const std::string texts[] = {
      repeated("\x01", 1'000'000),  repeated("'", 999'999),
      repeated("\"", 999'999),      repeated("a ", 500'000),
      repeated("1e", 500'000),      repeated("$", 1'000'000),
      repeated("SELECT ", 150'000), "SELECT " + repeated("a,", 300'000),
  };
  for (const std::string& text : texts) EXPECT_FALSE(parse_script(text)) << text.substr(0, 20);
}

TEST(HostileInput, random_tokens_never_crash_the_parser) {
  const std::string_view words[] = {
      "SELECT", "FROM", "(",      ")",       "a",      "1",        "'x'",  ",",     "*",  "->",
      "=",      "AND",  "GROUP",  "BY",      "CREATE", "STREAM",   "AS",   "WITH",  "[",  "]",
      "INSERT", "INTO", "VALUES", "=>",      ":=",     "CASE",     "WHEN", "END",   "::", "INT",
      "<",      ">",    "ARRAY",  "MAP",     "STRUCT", "NOT",      "IN",   ";",     "-",  "COPY",
      "SET",    "SHOW", "EMIT",   "CHANGES", "WINDOW", "TUMBLING", "/*",   "\"q\"", "$1", "é"};
  std::mt19937 random(4711);
  for (int round = 0; round < 2'000; ++round) {
    std::string text;
    for (size_t length = random() % 30; length > 0; --length) {
      text += words[random() % std::size(words)];
      text += ' ';
    }
    const auto script = parse_script(text);
    EXPECT_TRUE(script || !script.error().message.empty());
  }
}

}  // namespace
}  // namespace engine
