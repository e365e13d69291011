#include "engine/pgsql/parse_postgres.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "engine/sql/default_value.h"

namespace engine {
namespace {

Query only_query(std::string_view text) {
  auto parsed = parse_postgres(text);
  if (!parsed) ADD_FAILURE() << text << ": " << parsed.error().message;
  if (!parsed || parsed->size() != 1) return {};
  return clone(std::get<Query>(parsed->front().statement));
}

// Returns the first item of the SELECT in the dialect's syntax.
std::string item(std::string_view expression) {
  const Query query = only_query("SELECT " + std::string(expression) + " FROM t");
  return query.items.empty() ? "" : to_sql(*query.items.front().expression);
}

TEST(ParsePostgres, ExpressionsHaveTheirMeaningInTheDialect) {
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
      {"'{1}'::int2[]", "CAST('{1}' AS ARRAY<INT2>)"},
      {"a IN (1, 2)", "(A IN (1, 2))"},
      {"a = ANY(ARRAY[1, 2])", "(A IN (1, 2))"},
      {"a <> ALL(b)", "(NOT (A = ANY(B)))"},
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
  // The joined sources after the comma form one source.
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

TEST(ParsePostgres, NamesThePlaceAndTheUnsupportedFeature) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"SELECT\n  a @@ b FROM t", "the operator @@ is not supported yet"},
      {"SELECT 1 FROM\n  XMLTABLE('/a' PASSING '<a/>' COLUMNS b int)",
       "this source is not supported yet"},
  };
  for (const auto& [text, message] : cases) {
    const auto parsed = parse_postgres(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::NotSupported);
    EXPECT_EQ(parsed.error().message, message);
    ASSERT_TRUE(parsed.error().position) << text;
  }
}

// Recursive functions visit the tree, so a list of many items must not make the tree deep.
TEST(ParsePostgres, LongListsAreNoDeepTrees) {
  const auto depth = [](const auto& self, const Expression& expression) -> size_t {
    size_t deepest = 0;
    for (const Expression* child : children(expression))
      deepest = std::max(deepest, self(self, *child));
    return deepest + 1;
  };
  for (const auto& [begin, item, end] :
       {std::tuple("5 < ANY(ARRAY[", "1", "])"), std::tuple("'a' LIKE ALL(ARRAY[", "'b'", "])"),
        std::tuple("(1, 2) IN (", "(3, 4)", ")")}) {
    std::string text = std::string("SELECT ") + begin + item;
    for (int i = 0; i < 20'000; ++i) text += std::string(",") + item;
    const auto parsed = parse_postgres(text + end);
    ASSERT_TRUE(parsed) << begin << ": " << parsed.error().message;
    const auto& query = std::get<Query>(parsed->front().statement);
    EXPECT_LT(depth(depth, *query.items.front().expression), 50U) << begin;
  }
}

template <class T>
T only_statement(std::string_view text) {
  auto parsed = parse_postgres(text);
  if (!parsed) ADD_FAILURE() << text << ": " << parsed.error().message;
  if (!parsed || parsed->size() != 1) return {};
  auto* statement = std::get_if<T>(&parsed->front().statement);
  if (!statement) ADD_FAILURE() << text << " is another statement";
  return statement ? std::move(*statement) : T();
}

TEST(ParsePostgres, TablesHaveConstraintsAndDefaults) {
  const auto create = only_statement<CreateSource>(
      "CREATE TEMP TABLE t (id serial, a int NOT NULL DEFAULT 1 + 1, b text, PRIMARY KEY (id, b)) "
      "WITH (fillfactor=70)");
  EXPECT_TRUE(create.is_temporary);
  EXPECT_TRUE(create.is_postgres);
  ASSERT_EQ(create.elements.size(), 3U);
  EXPECT_EQ(create.elements[0].type.custom_name, "SERIAL");
  EXPECT_EQ(create.elements[0].constraint, ColumnConstraint::PrimaryKey);
  EXPECT_TRUE(create.elements[1].is_not_null);
  EXPECT_EQ(create.elements[1].default_sql, "(1 + 1)");
  EXPECT_EQ(create.elements[1].constraint, ColumnConstraint::None);
  EXPECT_EQ(create.elements[2].constraint, ColumnConstraint::PrimaryKey);
  ASSERT_EQ(create.properties.size(), 1U);
  EXPECT_EQ(create.properties[0].name, "FILLFACTOR");
}

TEST(ParsePostgres, StatementsThatChangeTablesAreRead) {
  EXPECT_EQ(only_statement<DropSources>("DROP TABLE IF EXISTS a, public.b CASCADE").drops.size(),
            2U);
  EXPECT_EQ(only_statement<Truncate>("TRUNCATE a, b").tables.size(), 2U);
  EXPECT_EQ(only_statement<Maintain>("VACUUM ANALYZE a").tag, "VACUUM");
  EXPECT_EQ(only_statement<Maintain>("SET CONSTRAINTS ALL IMMEDIATE").tag, "SET CONSTRAINTS");
  EXPECT_EQ(only_statement<AddPrimaryKey>("ALTER TABLE a ADD PRIMARY KEY (b, c)").columns.size(),
            2U);
  const auto comment = only_statement<CommentOn>("COMMENT ON COLUMN a.\"B\" IS 'what it is'");
  EXPECT_EQ(comment.table.name.text, "A");
  EXPECT_EQ(comment.column->name.text, "B");
  EXPECT_EQ(comment.text, "what it is");
  EXPECT_FALSE(only_statement<CommentOn>("COMMENT ON TABLE a IS NULL").text);
  const auto insert = only_statement<InsertSelect>("INSERT INTO a (x) SELECT n FROM b");
  EXPECT_EQ(insert.columns.size(), 1U);
  const auto values = only_statement<InsertValues>("INSERT INTO a VALUES (DEFAULT, 1)");
  ASSERT_EQ(values.rows.size(), 1U);
  EXPECT_TRUE(is_default_value(*values.rows[0][0]));
  const auto mood = only_statement<CreateType>("CREATE TYPE m AS ENUM ('a', 'b')");
  EXPECT_EQ(mood.type.kind, TypeKind::String);
  EXPECT_EQ(mood.type.field_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(only_statement<Copy>("COPY (VALUES (1)) TO STDOUT (FORMAT binary)").query);
  const auto update = only_statement<UpdateRows>("UPDATE a AS q SET x = x + 1 WHERE y = 2");
  ASSERT_EQ(update.assignments.size(), 1U);
  EXPECT_EQ(to_sql(*update.assignments[0].value), "(X + 1)");
  EXPECT_EQ(to_sql(*only_statement<DeleteRows>("DELETE FROM a WHERE y = 2").where), "(Y = 2)");
}

TEST(ParsePostgres, NamesUnsupportedFeaturesOfTables) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"CREATE TEMP VIEW v AS SELECT 1", "CREATE TEMP VIEW is not supported yet"},
      {"CREATE VIEW v AS SELECT 1 WITH CHECK OPTION", "WITH CHECK OPTION is not supported yet"},
      {"CREATE TYPE r AS RANGE (subtype = int4)", "CREATE TYPE ... AS RANGE is not supported yet"},
      {"INSERT INTO a VALUES (1) ON CONFLICT (a) WHERE a > 1 DO NOTHING",
       "ON CONFLICT with a condition for its columns is not supported yet"},
      {"CREATE UNIQUE INDEX ON a (lower(b))",
       "CREATE UNIQUE INDEX on an expression is not supported yet"},
  };
  for (const auto& [text, message] : cases) {
    const auto parsed = parse_postgres(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::NotSupported) << text;
    EXPECT_EQ(parsed.error().message, message);
  }
}

TEST(ParsePostgres, KeepsTheTextOfTheSelectOfAView) {
  const auto view = only_statement<CreateView>(
      "CREATE OR REPLACE VIEW \"as\" (a, b) WITH (security_barrier) AS SELECT 1, 'AS' FROM t");
  EXPECT_TRUE(view.or_replace && view.is_postgres);
  EXPECT_EQ(view.name.name, "AS");
  ASSERT_EQ(view.columns.size(), 2U);
  EXPECT_EQ(view.columns[1], "B");
  EXPECT_EQ(view.query_sql, "SELECT 1, 'AS' FROM t");
  EXPECT_TRUE(parse_select(view.query_sql, true));
  EXPECT_FALSE(parse_select("DROP TABLE t", true));
  EXPECT_FALSE(parse_select("SELECT 1; SELECT 2", true));
  EXPECT_TRUE(only_statement<DropViews>("DROP VIEW IF EXISTS a, b CASCADE").cascade);
  const auto renamed = only_statement<RenameRelation>("ALTER TABLE s.a RENAME TO b");
  EXPECT_EQ(renamed.name.name, "S.A");
  EXPECT_EQ(renamed.new_name, "B");
}

TEST(ParsePostgres, KeepsConstraintsThatAreNotEnforced) {
  const auto table = only_statement<CreateSource>(
      "CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE REFERENCES u (x) ON DELETE SET NULL, "
      "CONSTRAINT c CHECK (a > b))");
  ASSERT_EQ(table.elements.size(), 2U);
  ASSERT_EQ(table.elements[1].unenforced.size(), 2U);
  EXPECT_EQ(table.elements[1].unenforced[0].definition, "UNIQUE (b)");
  EXPECT_EQ(table.elements[1].unenforced[1].definition,
            "FOREIGN KEY (b) REFERENCES u(x) ON DELETE SET NULL");
  ASSERT_EQ(table.unenforced.size(), 1U);
  EXPECT_EQ(table.unenforced[0].name, "c");
  EXPECT_EQ(table.unenforced[0].definition, "CHECK ((A > B))");
  const auto index = only_statement<ChangeConstraint>("CREATE UNIQUE INDEX i ON t (a, b)");
  ASSERT_TRUE(index.added);
  EXPECT_EQ(index.added->name, "i");
  EXPECT_EQ(index.tag, "CREATE INDEX");
  EXPECT_EQ(only_statement<ChangeConstraint>("ALTER TABLE t DROP CONSTRAINT c").dropped, "c");
}

TEST(ParsePostgres, LeavesOthersToTheDialect) {
  for (const std::string_view text : {"SELEC 1"}) {
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

std::string times(size_t count, std::string_view part) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += part;
  return text;
}

// Programs create statements of this length. Their trees are flat.
TEST(ParsePostgres, TakesLongStatements) {
  for (const std::string& text :
       {"INSERT INTO t VALUES (1, 'a')" + times(20'000, ", (2, 'b')") +
            " ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v RETURNING k",
        "DELETE FROM t WHERE k IN (1" + times(50'000, ", 2") + ") AND b IS TRUE",
        "SELECT * FROM t WHERE a = 1" + times(20'000, " OR a = 2 AND b IS TRUE"),
        "SELECT 1" + times(10'000, ", CASE WHEN a ILIKE 'x' THEN f(1, 2) ELSE NULL END"),
        "SELECT a BETWEEN 1 AND 2" + times(10'000, ", a BETWEEN 1 AND 2"),
        "UPDATE t SET v = '" + std::string(4 << 20, 'x') + "' WHERE k = 1"})
    EXPECT_TRUE(parse_postgres(text)) << text.substr(0, 60);
}

// The statements contain long lists, after which they are nested more deeply than the stack allows.
TEST(ParsePostgres, RefusesLongStatementsThatAreDeep) {
  constexpr size_t kTimes = 50'000;
  for (const std::string& text :
       {"SELECT 1" + times(kTimes, "+1"), "SELECT " + times(kTimes, "NOT ") + "true",
        "SELECT " + times(kTimes, "(") + "1", "SELECT 1" + times(kTimes, "::int"),
        "SELECT 1, 2" + times(kTimes, " UNION SELECT 1, 2"),
        "SELECT 1 FROM a" + times(kTimes / 2, " JOIN b ON x AND y"),
        "SELECT " + times(kTimes / 2, "CASE WHEN a OR b THEN ") + "1",
        "SELECT " + times(kTimes / 3, "CASE WHEN a THEN 1 WHEN f(1, 2), 3 ELSE ") + "1",
        "SELECT 1" + times(kTimes / 3, " BETWEEN 1 AND NOT 1"),
        "SELECT " + times(kTimes / 3, "f(1, 2, ") + "1", "SELECT " + times(kTimes, "a[1,") + "1",
        "SELECT 1" + times(kTimes, " IS NULL"), "SELECT 1" + times(kTimes, " COLLATE \"C\"")}) {
    const auto parsed = parse_postgres(text);
    ASSERT_FALSE(parsed) << text.substr(0, 60);
    EXPECT_EQ(parsed.error().code, ErrorCode::LimitExceeded) << text.substr(0, 60);
  }
  EXPECT_EQ(parse_postgres("SELECT 1" + times(150'000, ", 1")).error().code,
            ErrorCode::LimitExceeded);  // the statement has too many words
}

// Checks that libpg_query and Millrace's own traversal limit the depth of the stack.
TEST(ParsePostgres, SurvivesDepth) {
  const auto repeated = [](std::string_view part, std::string_view end) {
    std::string text = "SELECT ";
    while (text.size() + part.size() + end.size() < kShortPostgresText) text += part;
    return text + std::string(end);
  };
  for (const auto& [part, end] : {std::pair("1+", "1"),
                                  {"NOT ", "true"},
                                  {"(", "1"},
                                  {"(SELECT ", "1"},
                                  {"ARRAY[", "1"},
                                  {"f(", "1"}})
    EXPECT_FALSE(parse_postgres(repeated(part, end))) << part;
  EXPECT_TRUE(parse_postgres("SELECT 1" + std::string(kShortPostgresText, ' ')));
  EXPECT_FALSE(parse_postgres(std::string_view("SELECT \0 1", 10)));
  EXPECT_TRUE(parse_postgres(""));
}

}  // namespace
}  // namespace engine
