#include "engine/pgsql/catalog_functions.h"

#include <gtest/gtest.h>

#include "engine/sql/parse.h"

namespace engine {
namespace {

Result<std::string> expanded(std::string_view expression) {
  const std::string text = "SELECT " + std::string(expression) + " FROM t;";
  auto parsed = parse_script(text);
  if (!parsed) return parsed.error();
  TRY(expand_catalog_functions(parsed->front().statement, text));
  return to_sql(*std::get<Query>(parsed->front().statement).items.front().expression);
}

std::string text_of(std::string_view expression) {
  const auto text = expanded(expression);
  return text ? *text : text.error().message;
}

TEST(CatalogFunctions, AreWrittenOut) {
  EXPECT_EQ(
      text_of("pg_get_userbyid(c.relowner)"),
      "CAST(COALESCE((SELECT ...), (('unknown (OID=' || CAST(C.RELOWNER AS STRING)) || ')')) AS "
      "NAME)");
  EXPECT_EQ(text_of("pg_get_expr(a, b)"), "CAST(A AS STRING)");
  EXPECT_EQ(text_of("has_table_privilege(a, b)"),
            "HAS_PRIVILEGE('table', '', CAST(A AS STRING), '', B)");
  // The binder resolves the values of reg* types.
  EXPECT_EQ(text_of("'pg_class'::regclass"), "CAST('pg_class' AS REGCLASS)");
  // The functions also occur within other expressions, and within each other.
  EXPECT_EQ(text_of("upper(pg_get_expr(pg_get_expr(a, 1), 2))"),
            "UPPER(CAST(CAST(A AS STRING) AS STRING))");
}

TEST(CatalogFunctions, ArgumentsKeepTheirOwnParameters) {
  // The result does not depend on $1, but $1 keeps its type, because drivers send its value with
  // this type.
  EXPECT_EQ(text_of("pg_get_expr($2, $1)"),
            "(CASE WHEN (false AND ($1 IS NULL)) THEN null ELSE CAST($2 AS STRING) END)");
  EXPECT_EQ(text_of("array_to_string($2, $1)"), "ARRAY_TO_STRING($2, $1)");
}

TEST(CatalogFunctions, OthersStayAsTheyAre) {
  EXPECT_EQ(text_of("array_length(a)"), "ARRAY_LENGTH(A)");
  EXPECT_EQ(text_of("array_to_string(a, ',')"), "ARRAY_TO_STRING(A, ',')");
  EXPECT_EQ(text_of("upper(a)"), "UPPER(A)");
  EXPECT_EQ(text_of("CAST(a AS INT)"), "CAST(A AS INTEGER)");
}

TEST(CatalogFunctions, ErrorsNameTheNumberOfArguments) {
  const auto wrong = expanded("format_type(1)");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::UndefinedFunction);
  EXPECT_EQ(wrong.error().message, "function format_type does not accept 1 arguments");
}

}  // namespace
}  // namespace engine
