#include "engine/plan/upgrade_query.h"

#include <gtest/gtest.h>

#include "engine/plan/check_plan.h"
#include "engine/plan/plan_json.h"
#include "engine/plan/query_plan.h"
#include "tests/engine/plan/plan_fixture.h"

namespace engine {
namespace {

class UpgradeQuery : public PlanTest {
 protected:
  UpgradeQuery() {
    for (const char* sql :
         {"CREATE STREAM orders (id INT KEY, city VARCHAR, amount INT, tags ARRAY<VARCHAR>);",
          "CREATE STREAM payments (id INT KEY, paid INT, note VARCHAR);",
          "CREATE TABLE cities (city VARCHAR PRIMARY KEY, province VARCHAR, mayor VARCHAR);",
          "CREATE TABLE people (city VARCHAR PRIMARY KEY, count INT);",
          "CREATE TABLE shops (shop INT PRIMARY KEY, name VARCHAR, city VARCHAR);"})
      EXPECT_TRUE(create(sql)) << sql;
  }

  QueryPlan plan(const std::string& select, const std::string& kind) {
    const ParsedStatement parsed = *parse("CREATE " + kind + " x AS " + select + ";");
    auto planned = plan_create_as(std::get<CreateAsSelect>(parsed.statement), parsed,
                                  {*catalog_, *this, settings_, session_});
    EXPECT_TRUE(planned) << select << ": " << planned.error().message;
    return planned ? planned->plan : QueryPlan{};
  }

  // Returns the error of the upgrade; "" if the query can continue.
  std::string upgrade(const std::string& kind, const std::string& old, const std::string& next) {
    const Result<QueryPlan> upgraded = upgrade_query(plan(old, kind), plan(next, kind));
    if (!upgraded) return upgraded.error().message;
    EXPECT_TRUE(check_plan(*upgraded)) << next;
    upgraded_ = *upgraded;
    return "";
  }
  std::string stream(const std::string& old, const std::string& next) {
    return upgrade("STREAM", old, next);
  }
  std::string table(const std::string& old, const std::string& next) {
    return upgrade("TABLE", old, next);
  }
  size_t filters_that_tell_all() const {
    size_t count = 0;
    for (const StagePlan& stage : upgraded_.stages)
      for (const PlanNode& node : stage.nodes)
        if (const auto* filter = std::get_if<FilterStep>(&node.step))
          count += filter->tells_all_deletes ? 1 : 0;
    return count;
  }

  QueryPlan upgraded_;
};

TEST_F(UpgradeQuery, filters_and_columns_of_a_stream_change_freely) {
  EXPECT_EQ(stream("SELECT id, city FROM orders", "SELECT id, city FROM orders"), "");
  EXPECT_EQ(stream("SELECT id, city FROM orders", "SELECT id, city, amount FROM orders"), "");
  EXPECT_EQ(stream("SELECT id, city FROM orders",
                   "SELECT id, UCASE(city) AS city FROM orders WHERE amount > 3"),
            "");
  EXPECT_EQ(stream("SELECT id, city FROM orders WHERE amount > 3", "SELECT id, city FROM orders"),
            "");
  EXPECT_EQ(filters_that_tell_all(), 0u);
}

TEST_F(UpgradeQuery, a_streams_key_and_its_table_functions_stay) {
  EXPECT_EQ(stream("SELECT city, id FROM orders PARTITION BY city",
                   "SELECT city, id, amount FROM orders PARTITION BY city"),
            "");
  EXPECT_EQ(stream("SELECT id + 1 AS k, city FROM orders PARTITION BY id + 1",
                   "SELECT id + 2 AS k, city FROM orders PARTITION BY id + 2"),
            "Query is not upgradeable. Plan step of type StreamSelectKey must have matching "
            "keyExpressions. Values differ: [(ID + 1), CITY] vs. [(ID + 2), CITY]");
  EXPECT_EQ(stream("SELECT id, EXPLODE(tags) AS tag FROM orders",
                   "SELECT id, EXPLODE(tags) AS tag, city FROM orders WHERE amount > 1"),
            "");
  EXPECT_EQ(stream("SELECT id, EXPLODE(tags) AS tag FROM orders",
                   "SELECT id, EXPLODE(ARRAY[city]) AS tag FROM orders"),
            "Query is not upgradeable. Plan step of type StreamFlatMap must have matching "
            "tableFunctions. Values differ: [explode(TAGS)] vs. [explode(ARRAY[CITY])]");
  EXPECT_EQ(stream("SELECT id, city FROM orders", "SELECT id, note AS city FROM payments"),
            "Query is not upgradeable. Plan step of type StreamSource must have matching "
            "topicName. Values differ: orders vs. payments");
}

TEST_F(UpgradeQuery, aggregates_stay_and_the_selected_columns_change) {
  const std::string count = "SELECT city, COUNT(*) AS n FROM orders GROUP BY city";
  EXPECT_EQ(table(count,
                  "SELECT city, COUNT(*) AS n, COUNT(*) * 2 AS twice FROM orders "
                  "WHERE amount > 5 GROUP BY city"),
            "");
  EXPECT_EQ(filters_that_tell_all(), 0u);
  EXPECT_EQ(table(count, count + " HAVING COUNT(*) > 1"), "");
  EXPECT_EQ(filters_that_tell_all(), 1u);
  EXPECT_EQ(table(count, "SELECT city, SUM(amount) AS n FROM orders GROUP BY city"),
            "Query is not upgradeable. Plan step of type StreamAggregate must have matching "
            "aggregationFunctions. Values differ: [COUNT()] vs. [SUM(INTEGER)]");
  EXPECT_EQ(table("SELECT city, SUM(amount) AS n FROM orders GROUP BY city",
                  "SELECT city, SUM(id) AS n FROM orders GROUP BY city"),
            "Query is not upgradeable. Plan step of type StreamGroupBy must have matching "
            "groupByExpressions. Values differ: [CITY, AMOUNT] vs. [CITY, ID]");
  EXPECT_EQ(table("SELECT city AS k, COUNT(*) AS n FROM orders GROUP BY city",
                  "SELECT UCASE(city) AS k, COUNT(*) AS n FROM orders GROUP BY UCASE(city)"),
            "Query is not upgradeable. Plan step of type StreamGroupBy must have matching "
            "groupByExpressions. Values differ: [CITY] vs. [ucase(CITY)]");
}

TEST_F(UpgradeQuery, settings_may_have_changed_and_sums_go_on_as_they_were_added_up) {
  const std::string sum = "SELECT city, SUM(amount) AS n, COUNT(*) AS c FROM orders GROUP BY city";
  const auto properties = [](const QueryPlan& plan) {
    std::vector<std::map<std::string, std::string>> found;
    for (const StagePlan& stage : plan.stages)
      for (const PlanNode& node : stage.nodes)
        if (const auto* aggregate = std::get_if<AggregateStep>(&node.step))
          for (const AggregateCall& call : aggregate->calls)
            found.push_back(call.instance.properties);
    return found;
  };
  settings_.lower_case_topics = false;  // the default of ksqlDB
  const QueryPlan old = plan(sum, "TABLE");
  settings_.ksqldb_compat = true;
  const QueryPlan next = plan(sum, "TABLE");
  ASSERT_NE(properties(next), properties(old));
  Result<QueryPlan> upgraded = upgrade_query(old, next);
  ASSERT_TRUE(upgraded) << upgraded.error().message;
  EXPECT_EQ(properties(*upgraded), properties(old));
  upgraded = upgrade_query(next, old);
  ASSERT_TRUE(upgraded) << upgraded.error().message;
  EXPECT_EQ(properties(*upgraded), properties(next));
}

TEST_F(UpgradeQuery, a_changed_filter_keeps_on_telling_deletes) {
  const std::string count = "SELECT city, COUNT(*) AS n FROM orders GROUP BY city";
  QueryPlan old = plan(count, "TABLE");
  QueryPlan next = *upgrade_query(old, plan(count + " HAVING COUNT(*) > 1", "TABLE"));
  next = *upgrade_query(next, plan(count + " HAVING COUNT(*) > 1", "TABLE"));
  upgraded_ = next;
  EXPECT_EQ(filters_that_tell_all(), 1u);
  EXPECT_EQ(plan_to_json(*plan_from_json(plan_to_json(next))), plan_to_json(next));
}

TEST_F(UpgradeQuery, windows_stay) {
  const auto count = [](const std::string& window, const std::string& more = "") {
    return "SELECT city, COUNT(*) AS n" + more + " FROM orders WINDOW " + window + " GROUP BY city";
  };
  EXPECT_EQ(table(count("TUMBLING (SIZE 1 HOUR)"),
                  count("TUMBLING (SIZE 1 HOUR)", ", WINDOWSTART AS began")),
            "");
  EXPECT_NE(table(count("TUMBLING (SIZE 1 HOUR)"), count("TUMBLING (SIZE 2 HOURS)"))
                .find("must have matching windowExpression"),
            std::string::npos);
  EXPECT_EQ(table(count("SESSION (1 HOUR)"), count("SESSION (1 HOUR)", ", COUNT(*) AS again")), "");
  EXPECT_NE(table(count("SESSION (1 HOUR)"), count("SESSION (2 HOURS)")), "");
}

TEST_F(UpgradeQuery, rows_of_a_table_have_the_columns_that_were_used_first) {
  EXPECT_EQ(table("SELECT city, province FROM cities",
                  "SELECT city, LCASE(province) AS province FROM cities WHERE province > 'A'"),
            "");
  EXPECT_EQ(filters_that_tell_all(), 1u);
  EXPECT_EQ(table("SELECT city, province FROM cities WHERE mayor > 'A'",
                  "SELECT city, province FROM cities"),
            "");
  const auto& input = std::get<InputStep>(upgraded_.stages[0].nodes[0].step);
  EXPECT_TRUE(input.used[2]);  // the stored rows have the column, even if it is not selected
  EXPECT_EQ(table("SELECT city, province FROM cities", "SELECT city, province, mayor FROM cities"),
            "Query is not upgradeable. The state of TableSource does not hold MAYOR");
  // With another condition, the aggregation would subtract rows that it never added, or keep rows
  // that it should subtract.
  EXPECT_NE(table("SELECT province, COUNT(*) AS n FROM cities WHERE mayor > 'A' GROUP BY province",
                  "SELECT province, COUNT(*) AS n FROM cities WHERE mayor > 'B' GROUP BY province")
                .find("TableFilter must have matching filterExpression"),
            std::string::npos);
}

TEST_F(UpgradeQuery, joins_stay_and_their_selected_columns_change) {
  const std::string looked_up =
      "SELECT o.city AS city, id, province FROM orders o JOIN cities c ON o.city = c.city";
  EXPECT_EQ(stream(looked_up, looked_up + " WHERE province > 'A'"), "");
  EXPECT_EQ(stream(looked_up,
                   "SELECT o.city AS city, id, province FROM orders o LEFT JOIN cities c "
                   "ON o.city = c.city"),
            "Query is not upgradeable. Plan step of type StreamTableJoin must have matching "
            "joinType. Values differ: inner vs. left");
  EXPECT_EQ(stream(looked_up,
                   "SELECT o.city AS city, id, province, mayor FROM orders o "
                   "JOIN cities c ON o.city = c.city"),
            "Query is not upgradeable. The state of TableSource does not hold MAYOR");
  const std::string paid =
      "SELECT o.id AS id, amount, paid FROM orders o JOIN payments p WITHIN 1 HOUR ON o.id = p.id";
  EXPECT_EQ(stream(paid, paid + " WHERE paid < amount"), "");
  // The columns in the stores are still decoded, although the query no longer uses them.
  EXPECT_EQ(stream(paid + " WHERE note > 'a' AND city > 'a'", paid), "");
  for (const StagePlan& stage : upgraded_.stages)
    for (const PlanNode& node : stage.nodes)
      if (const auto* input = std::get_if<InputStep>(&node.step)) {
        EXPECT_TRUE(input->used[input->source_name == "ORDERS" ? 1 : 2]) << input->source_name;
      }
  EXPECT_EQ(stream(paid,
                   "SELECT o.id AS id, amount, paid, note FROM orders o JOIN payments p "
                   "WITHIN 1 HOUR ON o.id = p.id"),
            "Query is not upgradeable. The state of StreamStreamJoin does not hold NOTE");
  EXPECT_EQ(stream(paid,
                   "SELECT o.id AS id, amount, paid FROM orders o JOIN payments p "
                   "WITHIN 2 HOURS ON o.id = p.id"),
            "Query is not upgradeable. Plan step of type StreamStreamJoin must have matching "
            "beforeMillis. Values differ: 3600000 vs. 7200000");
  EXPECT_EQ(stream("SELECT id, amount FROM orders",
                   "SELECT o.id AS id, amount FROM orders o JOIN payments p WITHIN 1 HOUR "
                   "ON o.id = p.id"),
            "Query is not upgradeable. Cannot add a StreamSource");
}

TEST_F(UpgradeQuery, joins_of_tables_stay) {
  const std::string both =
      "SELECT c.city AS city, province, count FROM cities c JOIN people p ON c.city = p.city";
  EXPECT_EQ(table(both, both + " WHERE count > 10"), "");
  EXPECT_EQ(table(both,
                  "SELECT c.city AS city, province, count FROM cities c LEFT JOIN "
                  "people p ON c.city = p.city"),
            "Query is not upgradeable. Plan step of type TableTableJoin must have matching "
            "joinType. Values differ: inner vs. left");
  const std::string named =
      "SELECT shop, name, province FROM shops s JOIN cities c ON s.city = "
      "c.city";
  EXPECT_EQ(table(named,
                  "SELECT shop, UCASE(name) AS name, province FROM shops s JOIN cities c ON "
                  "s.city = c.city WHERE province > 'A'"),
            "");
  EXPECT_EQ(table(named,
                  "SELECT shop, name, province FROM shops s LEFT JOIN cities c ON s.city = "
                  "c.city"),
            "Query is not upgradeable. Plan step of type ForeignKeyTableTableJoin must have "
            "matching joinType. Values differ: inner vs. left");
  EXPECT_EQ(table(named,
                  "SELECT shop, name, province FROM shops s JOIN cities c ON s.name = "
                  "c.city"),
            "Query is not upgradeable. Plan step of type ForeignKeyTableTableJoin must have "
            "matching leftJoinExpression. Values differ: S.CITY vs. S.NAME");
  EXPECT_EQ(table(named,
                  "SELECT shop, name, province, mayor FROM shops s JOIN cities c ON s.city "
                  "= c.city"),
            "Query is not upgradeable. The state of ForeignKeyTableTableJoin does not hold MAYOR");
}

TEST_F(UpgradeQuery, a_source_that_has_grown_is_the_same_source) {
  const QueryPlan old = plan("SELECT id, city FROM orders WHERE amount > 1", "STREAM");
  const QueryPlan counted = plan("SELECT city, COUNT(*) AS n FROM orders GROUP BY city", "TABLE");
  const QueryPlan joined = plan(
      "SELECT o.id AS id, amount, paid FROM orders o JOIN payments p WITHIN 1 HOUR ON o.id = p.id",
      "STREAM");
  ASSERT_TRUE(change("ALTER STREAM orders ADD COLUMN note VARCHAR;"));
  EXPECT_TRUE(upgrade_query(old, plan("SELECT id, city, note FROM orders", "STREAM")));
  EXPECT_TRUE(upgrade_query(
      counted,
      plan("SELECT city, COUNT(*) AS n FROM orders WHERE note <> 'x' GROUP BY city", "TABLE")));
  const auto again = upgrade_query(
      joined,
      plan("SELECT o.id AS id, amount, paid FROM orders o JOIN payments p WITHIN 1 HOUR ON o.id = "
           "p.id WHERE paid > 1",
           "STREAM"));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(check_plan(*again));
}

}  // namespace
}  // namespace engine
