#include "engine/plan/plan_json.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "engine/expr/bound_json.h"
#include "engine/functions/registry.h"
#include "engine/json/member_count.h"
#include "engine/plan/query_plan.h"
#include "tests/engine/plan/plan_fixture.h"

namespace engine {
namespace {

class PlanJsonTest : public PlanTest {
 protected:
  PlanJsonTest() {
    for (const char* sql :
         {"CREATE STREAM orders (id INT KEY, city VARCHAR, amount DECIMAL(6, 2), seen_at TIMESTAMP,"
          " tags ARRAY<VARCHAR>, extra MAP<VARCHAR, INT>, there STRUCT<zip INT, street VARCHAR>)"
          " WITH (TIMESTAMP = 'seen_at');",
          "CREATE STREAM payments (id INT KEY, paid INT);",
          "CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR);",
          "CREATE TABLE ages (id INT PRIMARY KEY, age INT);"})
      EXPECT_EQ(create_error(sql), "no error") << sql;
    add_topic("orders", 4);
    for (const char* topic : {"payments", "users", "ages"}) add_topic(topic, 4);
  }

  QueryPlan plan(const std::string& select) {
    const auto parsed = parse("CREATE " + select);
    EXPECT_TRUE(parsed) << parsed.error().message;
    auto planned = plan_create_as(
        std::get<CreateAsSelect>(parsed->statement), *parsed,
        {.catalog = *catalog_, .topics = *this, .settings = settings_, .properties = session_});
    EXPECT_TRUE(planned) << select << ": " << planned.error().message;
    return planned ? std::move(planned->plan) : QueryPlan{};
  }
};

constexpr const char* kQueries[] = {
    "STREAM q AS SELECT *, 1.5 AS d, 'it''s' AS t, -2 AS n, 3000000000 AS big, 1E0 AS f, CAST(NULL "
    "AS VARCHAR) AS "
    "nothing FROM orders WHERE amount > 10 AND city LIKE 'L%' OR id IN (1, 2, 3) AND NOT id = 4;",
    "STREAM q AS SELECT id, CASE WHEN amount > 5 THEN 'much' ELSE city END AS c, tags[1] AS a, "
    "extra['k'] AS b, there->street AS s, ARRAY[1, 2] AS l, MAP('a' := id) AS m, "
    "STRUCT(x := id, y := city) AS st FROM orders PARTITION BY id;",
    "STREAM q AS SELECT id, TRANSFORM(tags, x => UCASE(x)) AS t, REDUCE(tags, '', (s, x) => s + x "
    "+ city) AS r, FILTER(extra, (k, v) => v > id) AS f, EXPLODE(tags) AS e FROM orders;",
    "TABLE q AS SELECT city, COUNT(*) AS n, SUM(amount) AS s, LATEST_BY_OFFSET(id, 3) AS l, "
    "TOPK(id, 2) AS t FROM orders WINDOW HOPPING (SIZE 1 HOUR, ADVANCE BY 10 MINUTES, GRACE PERIOD "
    "5 MINUTES) GROUP BY city HAVING COUNT(*) > 1;",
    "TABLE q AS SELECT city, COUNT(*) AS n FROM orders WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY city "
    "EMIT FINAL;",
    "STREAM q AS SELECT o.id AS id, u.name AS name FROM orders o LEFT JOIN users u ON o.id = u.id;",
    "STREAM q AS SELECT o.id AS id, city, paid FROM orders o LEFT JOIN payments p WITHIN (1 HOUR, "
    "2 "
    "HOURS) GRACE PERIOD 1 MINUTE ON o.id = p.id;",
    "STREAM q AS SELECT * FROM orders o JOIN payments p WITHIN 1 DAY ON o.id + 1 = p.paid;",
    "TABLE q AS SELECT ROWKEY, name, age FROM users u FULL JOIN ages a ON u.id = a.id WHERE age > "
    "1;",
    "TABLE q AS SELECT id, COUNT(*) AS n FROM orders WINDOW SESSION (1 HOUR) GROUP BY id EMIT "
    "FINAL;",
    "TABLE q AS SELECT id, UCASE(name) AS name FROM users WHERE name IS NOT NULL;",
    "TABLE q AS SELECT a.id AS id, name FROM ages a LEFT JOIN users u ON a.age + 1 = u.id;"};

TEST_F(PlanJsonTest, a_plan_comes_back_as_it_was) {
  session_["ksql.functions._global_.limit"] = "7";
  for (const char* sql : kQueries) {
    const std::string written = plan_to_json(plan(sql));
    const auto again = plan_from_json(written);
    ASSERT_TRUE(again) << sql << ": " << again.error().message << "\n" << written;
    EXPECT_EQ(plan_to_json(*again), written);
  }
}

// A plan names an overload by its function's name and the types of its parameters.
TEST_F(PlanJsonTest, no_two_overloads_have_the_same_name) {
  for (const Registry::Entry& entry : Registry::instance().entries()) {
    std::set<std::string> seen;
    for (const Overload& overload : entry.overloads)
      EXPECT_TRUE(seen.insert(parameter_types(overload)).second)
          << entry.name << "(" << parameter_types(overload) << ")";
  }
}

// JsonFields uses the number of members to refuse, at compile time, a struct with a member that its
// table lacks.
TEST(MemberCount, counts_each_member_of_any_kind_once) {
  enum class Kind { First };
  struct One {
    std::vector<int> list;
  };
  struct Inner {
    int a, b;
  };
  struct Many {
    Kind kind;
    Inner inner;
    std::optional<Inner> optional;
    std::variant<int, std::string> variant;
    std::map<std::string, int> map;
    SqlType type;
    bool flag = true;
  };
  static_assert(member_count<One>() == 1);
  static_assert(member_count<Inner>() == 2);
  static_assert(member_count<Many>() == 7);
  static_assert(member_count<QueryPlan>() == 7);
}

TEST_F(PlanJsonTest, a_newer_version_and_unknown_steps_are_refused_by_name) {
  const std::string written = plan_to_json(plan(kQueries[3]));
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string changed = written;
    const size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return changed.replace(at, from.size(), to);
  };
  EXPECT_EQ(plan_from_json(with("\"version\":6", "\"version\":8")).error().code,
            ErrorCode::IncompatibleFormat);
  const auto message = [](const std::string& json) {
    const auto plan = plan_from_json(json);
    return plan ? std::string("no error") : plan.error().message;
  };
  EXPECT_EQ(message(with("\"function\":\"COUNT\"", "\"function\":\"TALLY\"")),
            "the plan cannot be read: unknown aggregate function TALLY()");
  EXPECT_EQ(message(with("\"step\":\"aggregate\"", "\"step\":\"fold\"")),
            "the plan cannot be read: unknown step \"fold\"");
  EXPECT_EQ(message(with("\"operator\":\">\"", "\"operator\":\"~\"")),
            "the plan cannot be read: there is no operator ~ for these operands");
  EXPECT_EQ(message("{\"version\":1}"), "the plan is inconsistent: no id or no stage");
}

// After any change to the text of a plan, reading it returns a consistent plan or an error.
TEST_F(PlanJsonTest, a_damaged_plan_is_an_error_or_a_plan) {
  std::mt19937 random(11);
  for (const char* sql : kQueries) {
    const std::string written = plan_to_json(plan(sql));
    for (int round = 0; round < 300; ++round) {
      std::string damaged = written;
      const size_t at = random() % damaged.size();
      if (random() % 2 == 0)
        damaged[at] = "0123456789{}[],:\"-x"[random() % 19];
      else
        damaged.erase(at, random() % 20);
      const auto plan = plan_from_json(damaged);
      if (plan) {
        EXPECT_FALSE(plan->stages.empty());
      }
    }
  }
}

}  // namespace
}  // namespace engine
