#include "tests/engine/sql/parse_helpers.h"

namespace engine {
namespace {

TEST(Query, select_items_of_all_kinds) {
  const auto query =
      parse_as<Query>("SELECT *, o.*, a->b->*, a->b, x + 1 AS sum, y z FROM orders o");
  ASSERT_EQ(query.items.size(), 6u);
  EXPECT_EQ(query.items[0].kind, SelectItemKind::AllColumns);
  EXPECT_FALSE(query.items[0].source);
  EXPECT_EQ(query.items[1].kind, SelectItemKind::AllColumns);
  EXPECT_EQ(*query.items[1].source, "O");
  EXPECT_EQ(query.items[2].kind, SelectItemKind::StructFields);
  EXPECT_EQ(to_sql(*query.items[2].expression), "A->B");
  EXPECT_EQ(query.items[3].kind, SelectItemKind::Expression);
  EXPECT_FALSE(query.items[3].alias);
  EXPECT_EQ(*query.items[4].alias, "SUM");
  EXPECT_EQ(*query.items[5].alias, "Z");
  EXPECT_EQ(query.from->name, "ORDERS");
  EXPECT_EQ(query.from->visible_name(), "O");
}

TEST(Query, every_clause_is_kept_with_its_place) {
  const auto query = parse_as<Query>(
      "SELECT a FROM s WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 10 MINUTES, RETENTION 2 DAYS, GRACE "
      "PERIOD 0 SECONDS)"
      " WHERE b GROUP BY c, d + 1 PARTITION BY e HAVING COUNT(*) > 1 ORDER BY f DESC NULLS LAST, g"
      " EMIT CHANGES LIMIT 3 OFFSET $1;");
  ASSERT_TRUE(query.window);
  EXPECT_EQ(query.window->type, WindowType::Hopping);
  EXPECT_EQ(query.window->size.to_ms().value(), 3'600'000);
  EXPECT_EQ(query.window->advance->to_ms().value(), 600'000);
  EXPECT_EQ(query.window->retention->to_ms().value(), 2 * 86'400'000);
  EXPECT_EQ(query.window->grace->count, 0);
  EXPECT_EQ(to_sql(*query.where), "B");
  EXPECT_EQ(to_sql(*query.group_by.at(1)), "(D + 1)");
  EXPECT_EQ(to_sql(*query.partition_by.at(0)), "E");
  EXPECT_EQ(to_sql(*query.having), "(COUNT(*) > 1)");
  EXPECT_TRUE(query.order_by.at(0).descending);
  EXPECT_EQ(query.order_by.at(0).nulls, NullsOrder::Last);
  EXPECT_EQ(query.emit, Emit::Changes);
  EXPECT_EQ(to_sql(*query.limit), "3");
  EXPECT_EQ(to_sql(*query.offset), "$1");
  EXPECT_EQ(query.positions.window->column, 17u);
  EXPECT_TRUE(query.positions.having && query.positions.order_by && query.positions.emit);
  const Query copy = clone(query);
  EXPECT_TRUE(equals(*copy.having, *query.having));
  EXPECT_EQ(copy.positions.limit, query.positions.limit);
}

TEST(Query, joins_keep_their_order_types_and_windows) {
  const auto query = parse_as<Query>(
      "SELECT * FROM a JOIN b WITHIN 1 HOUR ON a.x = b.x LEFT OUTER JOIN c AS k WITHIN (1 HOUR, 2 "
      "HOURS) GRACE PERIOD "
      "5 MINUTES ON a.x = k.x FULL JOIN d ON a.x = d.x RIGHT JOIN e ON a.x = e.x");
  ASSERT_EQ(query.joins.size(), 4u);
  EXPECT_EQ(query.joins[0].type, JoinType::Inner);
  EXPECT_EQ(query.joins[0].within->before.count, 1);
  EXPECT_EQ(query.joins[0].within->after.count, 1);
  EXPECT_FALSE(query.joins[0].within->grace);
  EXPECT_EQ(query.joins[1].type, JoinType::Left);
  EXPECT_EQ(query.joins[1].source.visible_name(), "K");
  EXPECT_EQ(query.joins[1].within->after.count, 2);
  EXPECT_EQ(query.joins[1].within->grace->unit, TimeUnit::Minutes);
  EXPECT_EQ(query.joins[2].type, JoinType::Full);
  EXPECT_EQ(query.joins[3].type, JoinType::Right);
  EXPECT_EQ(to_sql(*query.joins[3].on), "(A.X = E.X)");
}

TEST(Query, windows_of_all_types) {
  const auto session =
      parse_as<Query>("SELECT COUNT(*) FROM s WINDOW SESSION (30 SECONDS) GROUP BY a EMIT FINAL");
  EXPECT_EQ(session.window->type, WindowType::Session);
  EXPECT_EQ(session.window->size.count, 30);
  EXPECT_EQ(session.emit, Emit::Final);
  const auto tumbling = parse_as<Query>(
      "SELECT COUNT(*) FROM s WINDOW TUMBLING (SIZE 1 DAY, GRACE PERIOD 1 DAY) GROUP BY a");
  EXPECT_EQ(tumbling.window->type, WindowType::Tumbling);
  EXPECT_FALSE(tumbling.window->retention);
}

TEST(Query, a_group_may_stand_in_brackets) {
  EXPECT_EQ(parse_as<Query>("SELECT a FROM s GROUP BY (a, b)").group_by.size(), 2u);
  EXPECT_EQ(parse_as<Query>("SELECT a FROM s GROUP BY (a + b), c").group_by.size(), 2u);
  EXPECT_EQ(parse_as<Query>("SELECT a FROM s GROUP BY (a)").group_by.size(), 1u);
  EXPECT_EQ(error_of("SELECT a FROM s PARTITION BY ()").message,
            "PARTITION BY requires at least one expression");
  EXPECT_EQ(error_of("SELECT a FROM s GROUP BY a, (b, c)").message, "syntax error at \",\"");
  EXPECT_EQ(error_of("SELECT (a, b) FROM s").message, "syntax error at \",\"");
}

TEST(Query, needs_no_source) {
  EXPECT_FALSE(parse_as<Query>("SELECT 1").from);
  EXPECT_FALSE(parse_as<Query>("select pg_catalog.version(), current_schema()").from);
}

TEST(Query, intersect_binds_more_tightly_than_union_and_except) {
  const Query query =
      parse_as<Query>("SELECT 1 EXCEPT SELECT 2 INTERSECT ALL SELECT 3 UNION SELECT 4");
  ASSERT_TRUE(query.combined);
  EXPECT_EQ(query.combined->op, SetOperator::Union);
  const auto& except = query.combined->left->combined;
  ASSERT_TRUE(except);
  EXPECT_EQ(except->op, SetOperator::Except);
  ASSERT_TRUE(except->right->combined);
  EXPECT_EQ(except->right->combined->op, SetOperator::Intersect);
  EXPECT_TRUE(except->right->combined->all);
}

// The tree nests each query of a chain in the next one, so a long chain would exceed the stack.
TEST(Query, the_number_of_combined_queries_is_bounded) {
  std::string sql = "SELECT 1";
  for (int i = 0; i < 100'000; ++i) sql += " UNION ALL SELECT 1";
  EXPECT_EQ(error_of(sql).code, ErrorCode::LimitExceeded);
}

TEST(Query, words_that_are_not_reserved_serve_as_names) {
  const auto query = parse_as<Query>(
      "SELECT key, value, topic, emit, source source, offset FROM order ORDER WHERE type = 1");
  EXPECT_EQ(query.items.size(), 6u);
  EXPECT_EQ(*query.items[4].alias, "SOURCE");
  EXPECT_EQ(*query.from->alias, "ORDER");
}

TEST(Query, clause_words_after_a_source_are_no_aliases) {
  EXPECT_FALSE(parse_as<Query>("SELECT a FROM s EMIT CHANGES").from->alias);
  EXPECT_FALSE(parse_as<Query>("SELECT a FROM s PARTITION BY a").from->alias);
  EXPECT_FALSE(parse_as<Query>("SELECT a FROM s ORDER BY a").from->alias);
  EXPECT_FALSE(parse_as<Query>("SELECT a FROM s OFFSET 1").from->alias);
}

TEST(Query, names_keep_how_they_were_quoted) {
  const auto query = parse_as<Query>("SELECT a FROM \"orders\" `o`");
  EXPECT_EQ(query.from->name, "orders");
  EXPECT_EQ(query.from->name.quoting, Quoting::Double);
  EXPECT_EQ(query.from->alias->quoting, Quoting::Back);
  EXPECT_EQ(query.items[0].expression->as<ColumnRef>()->name.quoting, Quoting::None);
}

TEST(Query, a_duration_that_does_not_fit_is_an_error) {
  const Duration long_one{INT64_MAX, TimeUnit::Days};
  ASSERT_FALSE(long_one.to_ms());
  EXPECT_EQ(long_one.to_ms().error().code, ErrorCode::OutOfRange);
}

}  // namespace
}  // namespace engine
