#include "engine/pgsql/parse_postgres.h"

#include <gtest/gtest.h>

#include <string>

namespace engine {
namespace {

Query only_query(std::string_view text) {
  auto parsed = parse_postgres(text);
  if (!parsed) ADD_FAILURE() << text << ": " << parsed.error().message;
  if (!parsed || parsed->size() != 1) return {};
  return clone(std::get<Query>(parsed->front().statement));
}

// The first item of the SELECT as the dialect would write it.
std::string item(std::string_view expression) {
  const Query query = only_query("SELECT " + std::string(expression) + " FROM t");
  return query.items.empty() ? "" : to_sql(*query.items.front().expression);
}

TEST(ParsePostgres, ExpressionsMeanWhatTheyMeanInTheDialect) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"a + 1 * -b", "(A + (1 * -B))"},
      {"t.a || 'x'", "(T.A || 'x')"},
      {"a IS NOT TRUE", "(A IS DISTINCT FROM true)"},
      {"a IS UNKNOWN", "(A IS NULL)"},
      {"NOT a AND b OR c", "(((NOT A) AND B) OR C)"},
      {"a ~ '^x'", "REGEXP_LIKE(A, '^x')"},
      {"a !~* '^x'", "(NOT REGEXP_LIKE(A, '^x', 'i'))"},
      {"a OPERATOR(pg_catalog.~) 'x' COLLATE pg_catalog.default", "REGEXP_LIKE(A, 'x')"},
      {"a::int4", "CAST(A AS INTEGER)"},
      {"a::numeric(10,2)", "CAST(A AS DECIMAL(10, 2))"},
      {"'{1}'::int2[]", "CAST('{1}' AS ARRAY<INTEGER>)"},
      {"a IN (1, 2)", "(A IN (1, 2))"},
      {"a = ANY(ARRAY[1, 2])", "(A IN (1, 2))"},
      {"a <> ALL(b)", "(NOT ((A IS NOT NULL) AND ARRAY_CONTAINS(B, A)))"},
      {"pg_catalog.lower(a)", "LOWER(A)"},
      {"s.f(a)", "S.F(A)"},
      {"coalesce(a, b)", "COALESCE(A, B)"},
      {"nullif(a, 0)", "NULLIF(A, 0)"},
      {"a[1]", "A[1]"},
      {"(a).b", "A->B"},
      {"9223372036854775807", "9223372036854775807"},
      {"1.50", "1.50"},
      {"E'a\\nb'", "'a\nb'"},
      {"$2", "$2"},
      {"\"Mixed\".\"Name\"", "`Mixed`.`Name`"},
      {"a BETWEEN 1 AND 2", "(A BETWEEN 1 AND 2)"},
      {"a LIKE 'x!%' ESCAPE '!'", "(A LIKE 'x!%' ESCAPE '!')"},
      {"count(DISTINCT a)", "COUNT(DISTINCT A)"},
      {"CASE a WHEN 1 THEN 'x' ELSE 'y' END", "(CASE A WHEN 1 THEN 'x' ELSE 'y' END)"},
  };
  for (const auto& [written, meant] : cases) EXPECT_EQ(item(written), meant) << written;
}

TEST(ParsePostgres, CommasAndJoinsStandOneBehindTheOther) {
  const Query query =
      only_query("SELECT 1 FROM pg_catalog.a x, b LEFT JOIN c ON b.i = c.i JOIN d USING (i, j)");
  EXPECT_EQ(query.from->name.text, "A");
  EXPECT_EQ(query.from->schema->text, "PG_CATALOG");
  EXPECT_EQ(query.from->visible_name().text, "X");
  // What is behind the comma belongs together.
  ASSERT_EQ(query.joins.size(), 1U);
  EXPECT_EQ(query.joins[0].on, nullptr);
  ASSERT_NE(query.joins[0].source.query, nullptr);
  const Query& behind = *query.joins[0].source.query;
  EXPECT_EQ(behind.from->name.text, "B");
  ASSERT_EQ(behind.joins.size(), 2U);
  EXPECT_EQ(behind.joins[0].type, JoinType::Left);
  EXPECT_EQ(to_sql(*behind.joins[0].on), "(B.I = C.I)");
  EXPECT_EQ(behind.joins[1].columns.size(), 2U);
}

TEST(ParsePostgres, ClausesKeepTheirPlaces) {
  const Query query = only_query(
      "WITH w(c) AS (SELECT 1) SELECT DISTINCT c FROM w WHERE c > 0 GROUP BY c HAVING count(*) > 1 "
      "ORDER BY c DESC NULLS LAST LIMIT 3 OFFSET 2");
  ASSERT_EQ(query.with.size(), 1U);
  EXPECT_EQ(query.with[0].columns[0].text, "C");
  EXPECT_TRUE(query.distinct);
  EXPECT_EQ(to_sql(*query.having), "(COUNT(*) > 1)");
  ASSERT_EQ(query.order_by.size(), 1U);
  EXPECT_TRUE(query.order_by[0].descending);
  EXPECT_EQ(query.order_by[0].nulls, NullsOrder::Last);
  EXPECT_EQ(to_sql(*query.limit), "3");
  EXPECT_EQ(to_sql(*query.offset), "2");
}

TEST(ParsePostgres, AFunctionInFromIsASelectOfIt) {
  const Query query = only_query("SELECT 1 FROM t, unnest(t.a) WITH ORDINALITY AS u(x, n)");
  ASSERT_EQ(query.joins.size(), 1U);
  const AliasedSource& source = query.joins[0].source;
  ASSERT_NE(source.query, nullptr);
  EXPECT_EQ(source.visible_name().text, "U");
  EXPECT_EQ(source.columns.size(), 2U);
  EXPECT_EQ(source.query->items.size(), 2U);
  EXPECT_EQ(to_sql(*source.query->items[0].expression), "UNNEST(T.A)");
}

TEST(ParsePostgres, SaysWhereAndWhatIsNotSupported) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"SELECT\n  a & 1 FROM t", "the operator & is not supported yet"},
      {"SELECT 1 FROM t\n  TABLESAMPLE SYSTEM (1)", "this source is not supported yet"},
  };
  for (const auto& [text, message] : cases) {
    const auto parsed = parse_postgres(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::NotSupported);
    EXPECT_EQ(parsed.error().message, message);
    ASSERT_TRUE(parsed.error().position) << text;
  }
}

TEST(ParsePostgres, TakesNothingButSelects) {
  for (const std::string_view text :
       {"DROP TABLE t", "SELEC 1", "SELECT 1; DELETE FROM t", "CREATE TABLE t (a int)"}) {
    const auto parsed = parse_postgres(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::SyntaxError) << text;
  }
}

TEST(ParsePostgres, KnowsEachStatementsTextAndPlace) {
  const auto parsed = parse_postgres("SELECT 1;\n  SELECT a FROM t ;");
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->size(), 2U);
  EXPECT_EQ((*parsed)[1].text, "SELECT a FROM t ");
  EXPECT_EQ((*parsed)[1].start.line, 2U);
  EXPECT_EQ((*parsed)[1].start.column, 3U);
}

// What libpg_query and our own walk do on a stack has a bound.
TEST(ParsePostgres, SurvivesDepth) {
  const auto repeated = [](std::string_view part, std::string_view end) {
    std::string text = "SELECT ";
    while (text.size() + part.size() + end.size() < kMaxPostgresText) text += part;
    return text + std::string(end);
  };
  for (const auto& [part, end] : {std::pair("1+", "1"),
                                  {"NOT ", "true"},
                                  {"(", "1"},
                                  {"(SELECT ", "1"},
                                  {"ARRAY[", "1"},
                                  {"f(", "1"}})
    EXPECT_FALSE(parse_postgres(repeated(part, end))) << part;
  EXPECT_FALSE(parse_postgres("SELECT 1" + std::string(kMaxPostgresText, ' ')));
  EXPECT_FALSE(parse_postgres(std::string_view("SELECT \0 1", 10)));
  EXPECT_TRUE(parse_postgres(""));
}

}  // namespace
}  // namespace engine
