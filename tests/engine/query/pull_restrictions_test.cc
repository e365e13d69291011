// Tests look-ups that are forbidden by settings of ksqlDB or by --compat ksqldb.
#include "engine/query/pull_restrictions.h"

#include "engine/query/pull.h"
#include "tests/engine/plan/plan_fixture.h"

namespace engine {
namespace {

class PullRestrictionsTest : public PlanTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(
        create("CREATE SOURCE TABLE cities (name VARCHAR PRIMARY KEY, people INT) WITH "
               "(KAFKA_TOPIC = 'c', "
               "VALUE_FORMAT = 'JSON', PARTITIONS = 1);"));
    ASSERT_TRUE(
        create("CREATE SOURCE TABLE seats (hall INT PRIMARY KEY, seat INT PRIMARY KEY, guest "
               "VARCHAR) WITH "
               "(KAFKA_TOPIC = 's', FORMAT = 'JSON', PARTITIONS = 1);"));
  }

  std::string error(const std::string& sql) {
    const auto statement = parse(sql);
    if (!statement) return statement.error().message;
    const PlanContext context{*catalog_, *this, settings_, session_};
    const auto planned =
        plan_pull_query(std::get<Query>(statement->statement), context, {clock_, random_});
    return planned ? "no error" : planned.error().message;
  }
  std::string where(const std::string& condition, const std::string& table = "cities") {
    return error("SELECT * FROM " + table + " WHERE " + condition + ";");
  }
};

constexpr const char* kOnce =
    "A comparison condition on the key column cannot be combined with other comparisons such as an "
    "IN predicate";
constexpr const char* kEveryKey =
    "Multi-column sources must specify every key in the WHERE clause. Specified: HALL";
constexpr const char* kUnresolvable =
    "A comparison must be between a key column and a resolvable expression.";
constexpr const char* kScan = "Query requires table scan to be enabled";

TEST_F(PullRestrictionsTest, without_scans_a_look_up_names_its_keys) {
  EXPECT_EQ(where("people > 1"), "no error");
  session_["ksql.query.pull.table.scan.enabled"] = "false";
  EXPECT_EQ(where("name = 'Lahore'"), "no error");
  EXPECT_EQ(where("'Lahore' = name AND people > 1"), "no error");
  EXPECT_EQ(where("name IN ('Lahore', 'Karachi') OR name = 'Quetta'"), "no error");
  for (const char* op : {"<>", "!=", "<", "<=", ">", ">=", "IS DISTINCT FROM"}) {
    const std::string comparison = std::string("name ") + op + " 'L'";
    EXPECT_EQ(where(comparison), kScan) << op;
    EXPECT_EQ(where(comparison + " AND people > 1"), kScan) << op;
    EXPECT_EQ(where("name = 'M' OR " + comparison), kScan) << op;
    EXPECT_EQ(where(comparison + " OR " + comparison), kScan) << op;
    EXPECT_NE(where("NOT (" + comparison + ")"), "no error") << op;
  }
  EXPECT_EQ(where("hall = 1 AND seat IN (1, 2)", "seats"), "no error");
  EXPECT_EQ(error("SELECT * FROM cities;"), "missing WHERE clause");
  EXPECT_EQ(where("people > 1"), "WHERE clause missing key column for disjunct: (PEOPLE > 1)");
  EXPECT_EQ(where("name = 'Lahore' OR people > 1"),
            "WHERE clause missing key column for disjunct: (PEOPLE > 1)");
  EXPECT_EQ(where("name > 'L' AND name < 'M'"), kOnce);
  EXPECT_EQ(where("name = 'L' AND name IN ('L')"), kOnce);
  EXPECT_EQ(where("name = CAST(people AS VARCHAR)"), kUnresolvable);
  EXPECT_EQ(where("hall IN (1, seat + 1)", "seats"), kUnresolvable);
  EXPECT_EQ(where("hall = 1", "seats"), kEveryKey);
  EXPECT_EQ(where("hall > 1 AND seat = 1", "seats"), kScan);
}

TEST_F(PullRestrictionsTest, one_range_of_a_key_may_be_allowed_without_other_scans) {
  session_["ksql.query.pull.table.scan.enabled"] = "false";
  session_["ksql.query.pull.range.scan.enabled"] = "true";
  EXPECT_EQ(where("name > 'L'"), "no error");
  EXPECT_EQ(where("'L' >= name AND people > 1"), "no error");
  EXPECT_EQ(where("name <> 'L'"), kScan);
  EXPECT_EQ(where("name < 'L' OR name > 'M'"), kScan) << "several are a scan in ksqlDB, too";
  EXPECT_EQ(where("name > 'L' AND name < 'M'"), kOnce);
  EXPECT_EQ(where("hall > 1 AND seat = 1", "seats"), kScan);
  session_["ksql.query.pull.range.scan.enabled"] = "false";
  EXPECT_EQ(where("name > 'L'"), kScan);
}

TEST_F(PullRestrictionsTest, ksqldb_itself_allows_a_range_unless_it_is_forbidden) {
  ASSERT_TRUE(create("CREATE TABLE made (name VARCHAR PRIMARY KEY, n INT);"));
  settings_.ksqldb_compat = true;
  session_["ksql.query.pull.table.scan.enabled"] = "false";
  EXPECT_NE(where("name > 'L'", "made"), kScan);
  EXPECT_EQ(where("name <> 'L'", "made"), kScan);
  session_["ksql.query.pull.range.scan.enabled"] = "false";
  EXPECT_EQ(where("name > 'L'", "made"), kScan);
}

TEST_F(PullRestrictionsTest, alternatives_are_not_multiplied_out_without_end) {
  session_["ksql.query.pull.table.scan.enabled"] = "false";
  std::string condition = "(name = 'a' OR people = 1)";
  for (int i = 0; i < 20; ++i) condition += " AND (people = 2 OR people = 3)";
  EXPECT_EQ(where(condition), "WHERE has too many alternatives");
}

TEST_F(PullRestrictionsTest, a_limit_can_be_switched_off) {
  EXPECT_EQ(error("SELECT * FROM cities LIMIT 1;"), "no error");
  EXPECT_EQ(error("SELECT * FROM cities LIMIT -1;"),
            "Pull queries don't support negative integers in the LIMIT clause.");
  session_["ksql.query.pull.limit.clause.enabled"] = "false";
  EXPECT_EQ(error("SELECT * FROM cities LIMIT 1;"),
            "LIMIT in queries without EMIT CHANGES is disabled");
  EXPECT_EQ(error("SELECT * FROM cities;"), "no error");
}

TEST_F(PullRestrictionsTest, ksqldb_itself_knows_less) {
  ASSERT_TRUE(create("CREATE TABLE plain (id INT PRIMARY KEY, n INT);"));
  EXPECT_EQ(error("SELECT ROWPARTITION, n, n FROM plain WHERE ROWOFFSET > 1;"), "no error");
  settings_.ksqldb_compat = true;
  EXPECT_EQ(error("SELECT ROWPARTITION + ROWOFFSET FROM plain;"),
            "Pull queries don't support the following columns in SELECT clauses: `ROWOFFSET`, "
            "`ROWPARTITION`");
  EXPECT_EQ(error("SELECT n FROM plain WHERE ROWOFFSET > 1;"),
            "Pull queries don't support the following columns in WHERE clauses: `ROWOFFSET`");
  EXPECT_EQ(error("SELECT people, people FROM cities;"),
            "Duplicate value columns found in schema: `PEOPLE` INTEGER");
  EXPECT_EQ(error("SELECT n FROM plain WHERE id = 1;"),
            "table PLAIN cannot be queried, because no query keeps its rows");
  EXPECT_EQ(where("hall IN ('10', 8)", "seats"),
            "'10' can not be converted to the type of the key column: HALL INTEGER KEY");
}

}  // namespace
}  // namespace engine
