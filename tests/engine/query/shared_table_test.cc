#include "engine/query/shared_table.h"

#include <atomic>
#include <thread>

#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

class SharedTableTest : public QueryTest {
 protected:
  static std::shared_ptr<SharedTable> share(QueryRun& run) {
    const auto plan = std::make_shared<const QueryPlan>(run.plan());
    return std::make_shared<SharedTable>(
        plan, 0, std::make_shared<TableView>(*plan->materialization, run.task()));
  }
  // Returns the row, or "asks" if the row is not shared and the task must be asked.
  std::string found(SharedTable& table, const std::string& key) {
    const auto row = table.find(key, {clock_, random_});
    if (!row) return row.error().message;
    return *row ? engine::text_of((*row)->columns, (*row)->rows) : "asks";
  }
};

TEST_F(SharedTableTest, rows_are_found_once_they_are_durable) {
  auto run = table("CREATE TABLE cities (name VARCHAR PRIMARY KEY, people INT);");
  const auto shared = share(*run);
  run->produce("cities", 0, {{"Lahore", R"({"PEOPLE":13})", 2}, {"gone", R"({"PEOPLE":0})", 3}});
  run->task().step();
  EXPECT_EQ(found(*shared, "Lahore"), "asks");
  EXPECT_EQ(found(*shared, "nowhere"), "");
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(found(*shared, "Lahore"), "\"Lahore\" 13 2 null null\n");
  run->produce("cities", 0, {{"gone", std::nullopt, 4}});
  run->task().step();
  EXPECT_EQ(found(*shared, "Lahore"), "\"Lahore\" 13 2 null null\n");
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(found(*shared, "gone"), "");
}

TEST_F(SharedTableTest, groups_are_found_as_rows_are) {
  auto run =
      query({"CREATE STREAM clicks (user_id VARCHAR KEY);"},
            "CREATE TABLE visits AS SELECT user_id, COUNT(*) AS n FROM clicks GROUP BY user_id;");
  const auto shared = share(*run);
  run->produce("clicks", 0, {{"a", "{}", 1}, {"a", "{}", 2}});
  run->task().step();
  EXPECT_EQ(found(*shared, "a"), "asks");
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(found(*shared, "a"), "\"a\" 2 2 null null\n");
  EXPECT_EQ(found(*shared, "b"), "");
}

TEST_F(SharedTableTest, tasks_that_have_failed_or_are_gone_are_asked) {
  auto run = table("CREATE TABLE cities (name VARCHAR PRIMARY KEY, people INT);");
  const auto shared = share(*run);
  run->produce("cities", 0, {{"Lahore", R"({"PEOPLE":13})", 2}});
  ASSERT_TRUE(run->run_to_rest());
  run->task().give_up({ErrorCode::ObjectState, "a test"});
  EXPECT_EQ(found(*shared, "Lahore"), "asks");
  EXPECT_TRUE(shared->is_open());
  shared->close();
  EXPECT_FALSE(shared->is_open());
  run->drop_tasks();
  EXPECT_EQ(found(*shared, "Lahore"), "asks");
}

TEST_F(SharedTableTest, a_reading_thread_sees_the_durable_rows_of_the_task) {
  constexpr int kRounds = 300;
  auto run = table("CREATE TABLE cities (name VARCHAR PRIMARY KEY, people INT);");
  const auto shared = share(*run);
  std::atomic<int> begun = 0, durable = -1;
  std::atomic<bool> is_over = false;
  std::atomic<int> answers = 0;
  std::thread reader([&] {
    SystemClock clock;
    Random random(1);
    int last = -1;
    while (!is_over || answers == 0) {
      const int at_least = durable;
      const auto row = shared->find("Lahore", {clock, random});
      ASSERT_TRUE(row);
      if (!*row || (*row)->rows == 0) continue;
      const int people = (*row)->columns[1]->data<int32_t>()[0];
      EXPECT_GE(people, std::max(last, at_least));
      EXPECT_LE(people, begun);
      last = people;
      ++answers;
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    begun = i;
    run->produce("cities", 0,
                 {{"Lahore", "{\"PEOPLE\":" + std::to_string(i) + "}", i},
                  {"other" + std::to_string(i), R"({"PEOPLE":1})", i}});
    ASSERT_TRUE(run->run_to_rest());
    durable = i;
  }
  is_over = true;
  reader.join();
  shared->close();
}

}  // namespace
}  // namespace engine
