#include "engine/query/point_look_up.h"

#include "tests/engine/plan/plan_fixture.h"

namespace engine {
namespace {

class PointLookUpTest : public PlanTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(create("CREATE TABLE cities (name VARCHAR PRIMARY KEY, people INT);"));
    ASSERT_TRUE(create("CREATE TABLE accounts (id INT PRIMARY KEY, balance BIGINT);"));
    ASSERT_TRUE(create("CREATE TABLE rates (x DOUBLE PRIMARY KEY, balance BIGINT);"));
    ASSERT_TRUE(
        create("CREATE TABLE seats (hall INT PRIMARY KEY, seat_row INT PRIMARY KEY, "
               "guest VARCHAR) WITH (KEY_FORMAT = 'JSON');"));
    ASSERT_TRUE(
        create("CREATE TABLE visits (name VARCHAR PRIMARY KEY, n INT) WITH (WINDOW_TYPE = "
               "'TUMBLING', WINDOW_SIZE = '10 SECONDS');"));
    ASSERT_TRUE(create("CREATE STREAM clicks (name VARCHAR KEY, n INT);"));
  }

  std::unique_ptr<PointLookUp> plan(const std::string& sql, std::vector<SqlType> types = {}) {
    const auto statement = parse(sql);
    EXPECT_TRUE(statement) << sql;
    std::vector<ParameterSlot> slots;
    for (const SqlType& type : types) slots.push_back({type, {}});
    slots.resize(static_cast<size_t>(parameter_count(*statement)));
    const PlanContext context{.catalog = *catalog_,
                              .topics = *this,
                              .settings = settings_,
                              .properties = session_,
                              .parameters = &slots};
    const auto& query = std::get<Query>(statement->statement);
    const auto planned = plan_pull_query(query, context, {clock_, random_});
    if (!planned) return nullptr;
    types.clear();
    for (const ParameterSlot& slot : slots) types.push_back(slot.type);
    return PointLookUp::make(query, *planned, types);
  }
  std::string key(const std::string& sql, const std::vector<Value>& values,
                  std::vector<SqlType> types = {}) {
    const auto look_up = plan(sql, std::move(types));
    if (!look_up) return "another query";
    return look_up->key_of(values).value_or("no key");
  }
};

TEST_F(PointLookUpTest, keys_are_made_of_parameters) {
  EXPECT_EQ(key("SELECT * FROM cities WHERE name = $1;", {Value::text("Lahore")}), "Lahore");
  EXPECT_EQ(key("SELECT people FROM cities WHERE $1 = name;", {Value::text("Lima")}), "Lima");
  EXPECT_EQ(key("SELECT guest, hall FROM seats WHERE seat_row = $1 AND hall = $2;",
                {Value::integer(7), Value::integer(2)}),
            R"({"HALL":2,"SEAT_ROW":7})");
  const std::string by_id = "SELECT balance FROM accounts WHERE id = $1;";
  EXPECT_EQ(key(by_id, {Value::integer(258)}), std::string("\0\0\1\2", 4));
  EXPECT_EQ(key(by_id, {Value::bigint(258)}, {TypeKind::Bigint}), std::string("\0\0\1\2", 4));
}

TEST_F(PointLookUpTest, values_that_no_key_has_are_for_others_to_judge) {
  const std::string by_id = "SELECT balance FROM accounts WHERE id = $1;";
  EXPECT_EQ(key(by_id, {Value::bigint(int64_t{1} << 40)}, {TypeKind::Bigint}), "no key");
  EXPECT_EQ(key(by_id, {Value()}), "no key");
  EXPECT_EQ(key("SELECT * FROM cities WHERE name = $1;", {Value()}), "no key");
}

TEST_F(PointLookUpTest, other_statements_are_no_point_look_ups) {
  for (const std::string sql :
       {"SELECT * FROM cities;", "SELECT * FROM cities WHERE name = 'Lahore';",
        "SELECT * FROM cities WHERE name > $1;", "SELECT * FROM cities WHERE people = $1;",
        "SELECT * FROM cities WHERE name = $1 AND people = 1;",
        "SELECT * FROM cities WHERE name = $1 OR name = $2;",
        "SELECT * FROM cities WHERE name = $1 AND name = $2;",
        "SELECT * FROM cities WHERE name = $1 LIMIT 0;",
        "SELECT UCASE(name) FROM cities WHERE name = $1;",
        "SELECT people + $1 FROM cities WHERE name = $2;", "SELECT * FROM seats WHERE hall = $1;",
        "SELECT * FROM rates WHERE x = $1;", "SELECT * FROM visits WHERE name = $1;",
        "SELECT * FROM accounts WHERE id = -$1;"})
    EXPECT_EQ(plan(sql), nullptr) << sql;
}

}  // namespace
}  // namespace engine
