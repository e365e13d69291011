#include "server/pg/literal_shape.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

using server::pg::LiteralShape;
using server::pg::shape_of;

namespace {

// Returns the text with its parameters, and their values; "-" if shape_of() finds no shape.
std::string shape(std::string_view text) {
  const auto found = shape_of(text);
  if (!found) return "-";
  std::string shown = found->text;
  for (size_t i = 0; i < found->values.size(); ++i) {
    const engine::Value& value = found->values[i];
    if (const auto* number = std::get_if<int32_t>(&value.payload()))
      shown += fmt::format("; int {}", *number);
    else if (const auto* large = std::get_if<int64_t>(&value.payload()))
      shown += fmt::format("; bigint {}", *large);
    else
      shown += fmt::format("; text {}", std::get<std::string>(value.payload()));
  }
  return shown;
}

}  // namespace

TEST(LiteralShape, literals_that_something_equals_become_parameters) {
  EXPECT_EQ(shape("SELECT a FROM t WHERE k = 17"), "SELECT a FROM t WHERE k =  $1; int 17");
  EXPECT_EQ(shape("select * from t where k='x' and j = 12345678901;"),
            "select * from t where k= $1 and j =  $2;; text x; bigint 12345678901");
  EXPECT_EQ(shape("SELECT a FROM t WHERE k = 2147483647"),
            "SELECT a FROM t WHERE k =  $1; int 2147483647");
  EXPECT_EQ(shape("SELECT a FROM t WHERE k = 2147483648"),
            "SELECT a FROM t WHERE k =  $1; bigint 2147483648");
  EXPECT_EQ(shape(" SELECT \"a b\" FROM t\nWHERE k = ''\n"),
            " SELECT \"a b\" FROM t\nWHERE k =  $1\n; text ");
}

TEST(LiteralShape, literals_of_different_types_have_different_shapes) {
  const auto small = shape_of("SELECT a FROM t WHERE k = 1");
  const auto text = shape_of("SELECT a FROM t WHERE k = '1'");
  const auto another = shape_of("SELECT a FROM t WHERE k = 2");
  ASSERT_TRUE(small && text && another);
  EXPECT_TRUE(small->is_like(*another));
  EXPECT_FALSE(small->is_like(*text));
}

TEST(LiteralShape, other_literals_stay) {
  EXPECT_EQ(shape("SELECT 5, 'x' FROM t WHERE j > 3 AND k = 7"),
            "SELECT 5, 'x' FROM t WHERE j > 3 AND k =  $1; int 7");
  EXPECT_EQ(shape("SELECT a = 5 FROM t WHERE k = 7"), "SELECT a = 5 FROM t WHERE k =  $1; int 7");
  EXPECT_EQ(shape("SELECT a FROM t WHERE k = 7 OR k = 8"),
            "SELECT a FROM t WHERE k = 7 OR k =  $1; int 8");
  for (const char* text : {
           "SELECT 1",
           "SELECT a FROM t",
           "SELECT a FROM t WHERE k >= 7",
           "SELECT a FROM t WHERE k <> 7",
           "SELECT a FROM t WHERE k != 7",
           "SELECT a FROM t WHERE k = -7",
           "SELECT a FROM t WHERE k = 7.0",
           "SELECT a FROM t WHERE k = 7e1",
           "SELECT a FROM t WHERE k = 0x7",
           "SELECT a FROM t WHERE k = 7 + 1",
           "SELECT a FROM t WHERE k = 7 LIMIT 1",
           "SELECT a FROM t WHERE k = 7 OR j > 8",
           "SELECT a FROM t WHERE k = '7'::INT",
           "SELECT a FROM t WHERE k = DATE '2026-01-01'",
           "SELECT a FROM t WHERE k = 'x' 'y'",
           "SELECT a FROM t WHERE k = 'x'\n'y'",
           "SELECT a FROM t WHERE k IN (7, 8)",
           "SELECT a FROM t WHERE (k = 7)",
           "SELECT a FROM t WHERE k = 1234567890123456789",
           "SELECT 1 = 1",
           "INSERT INTO t SELECT a FROM s WHERE k = 7",
           "UPDATE t SET a = 1 WHERE k = 7",
           "SELECT a FROM t WHERE k = 7AND j > 8",
       })
    EXPECT_EQ(shape(text), "-") << text;
}

TEST(LiteralShape, complicated_literals_are_left_to_the_parser) {
  for (const char* text : {
           "SELECT a FROM t WHERE k = E'x'",
           "SELECT a FROM t WHERE k = 'it''s'",
           "SELECT a FROM t WHERE k = 'a\\b'",
           "SELECT a FROM t WHERE k = U&'x'",
           "SELECT a FROM t -- k = 7\nWHERE k = 7",
           "SELECT a /* ' */ FROM t WHERE k = 7",
           "SELECT a FROM t WHERE k = 7; SELECT 1",
           "SELECT a FROM t WHERE k = $1 AND j = 7",
           "SELECT a FROM t WHERE k = $$x$$",
           "SELECT a FROM t WHERE k = 'x",
           "SELECT \"a FROM t WHERE k = 7",
           "SELECT a$1 FROM t WHERE k = 7",
       })
    EXPECT_EQ(shape(text), "-") << text;
  EXPECT_EQ(shape("SELECT a FROM t WHERE k = 7 AND b = '" + std::string(3000, 'x') + "'"), "-");
}
