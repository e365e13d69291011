#include "engine/exec/task.h"

#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

const std::string kOrders = "CREATE STREAM orders (id VARCHAR KEY, city VARCHAR, amount INT);";
const std::string kUsers = "CREATE TABLE users (id VARCHAR PRIMARY KEY, city VARCHAR);";

std::string order(const std::string& city, int amount) {
  return R"({"CITY":")" + city + R"(","AMOUNT":)" + std::to_string(amount) + "}";
}
std::string user(const std::string& city) { return R"({"CITY":")" + city + R"("})"; }

using TaskTest = QueryTest;

TEST_F(TaskTest, a_filter_with_a_projection) {
  auto run = query({kOrders},
                   "CREATE STREAM large AS SELECT id, amount * 2 AS twice FROM orders WHERE "
                   "amount > 10;");
  run->produce("orders", 0, {{"a", order("Lahore", 20), 1}, {"b", order("Lahore", 5), 2}});
  run->produce("orders", 0, {{"c", order("Quetta", 11), 3}, {"d", R"({"CITY":"Quetta"})", 4}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(),
            "a {\"TWICE\":40} @1\n"
            "c {\"TWICE\":22} @3\n");
}

TEST_F(TaskTest, a_stream_hands_on_records_without_a_value) {
  auto run = query({kOrders}, "CREATE STREAM copied AS SELECT * FROM orders;");
  run->produce("orders", 0, {{"a", std::nullopt, 1}, {"b", order("Quetta", 1), 2}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(),
            "a - @1\n"
            "b {\"CITY\":\"Quetta\",\"AMOUNT\":1} @2\n");
}

TEST_F(TaskTest, a_count_by_key) {
  auto run = query({kOrders},
                   "CREATE TABLE counts AS SELECT id, COUNT(*) AS n, SUM(amount) AS total FROM "
                   "orders GROUP BY id;");
  run->produce("orders", 0, {{"a", order("x", 1), 5}, {"b", order("x", 2), 6}});
  run->produce("orders", 0, {{"a", order("x", 3), 4}, {std::nullopt, order("x", 3), 7}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(),
            "a {\"N\":1,\"TOTAL\":1} @5\n"
            "b {\"N\":1,\"TOTAL\":2} @6\n"
            "a {\"N\":2,\"TOTAL\":4} @5\n");
  EXPECT_EQ(run->table(),
            "\"a\" 2 4 5 null null\n"
            "\"b\" 1 2 6 null null\n");
}

TEST_F(TaskTest, updates_of_a_key_in_one_batch_may_be_merged) {
  TaskOptions options;
  options.merge_updates = true;
  auto run =
      query({kOrders}, "CREATE TABLE counts AS SELECT id, COUNT(*) AS n FROM orders GROUP BY id;",
            options);
  run->produce("orders", 0,
               {{"a", order("x", 1), 1}, {"b", order("x", 1), 2}, {"a", order("x", 1), 3}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(),
            "b {\"N\":1} @2\n"
            "a {\"N\":2} @3\n");
}

TEST_F(TaskTest, grouping_by_a_value_goes_through_an_exchange) {
  settings_.num_partitions = 2;
  auto run = query({kOrders},
                   "CREATE TABLE by_city AS SELECT city, COUNT(*) AS n FROM orders GROUP BY city;");
  EXPECT_EQ(run->task_count(), 4u);
  run->produce("orders", 0, {{"a", order("Lahore", 1), 1}, {"b", order("Quetta", 1), 2}});
  run->produce("orders", 1, {{"c", order("Lahore", 1), 3}, {"d", R"({"CITY":null})", 4}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->newest_written(),
            "Lahore {\"N\":2} @3\n"
            "Quetta {\"N\":1} @2\n");
}

// Stream time comes from the timestamps of records: with a grace period of 10 s, the window that
// begins at 0 closes at 70 s.
TEST_F(TaskTest, a_late_record_counts_while_its_window_is_in_grace) {
  auto run = query({kOrders},
                   "CREATE TABLE counts AS SELECT id, COUNT(*) AS n FROM orders WINDOW TUMBLING "
                   "(SIZE 60 SECONDS, GRACE PERIOD 10 SECONDS) GROUP BY id;");
  run->produce("orders", 0, {{"a", order("x", 1), 5'000}, {"b", order("x", 1), 69'999}});
  run->produce("orders", 0, {{"a", order("x", 1), 59'999}});
  run->produce("orders", 0, {{"b", order("x", 1), 70'000}, {"a", order("x", 1), 59'999}});
  ASSERT_TRUE(run->run_to_rest());
  const std::string at_0 = "\\00\\00\\00\\00\\00\\00\\00\\00";
  const std::string at_60 = "\\00\\00\\00\\00\\00\\00\\ea`";
  EXPECT_EQ(run->written(), "a" + at_0 + " {\"N\":1} @5000\n" + "b" + at_60 +
                                " {\"N\":1} @69999\n" + "a" + at_0 + " {\"N\":2} @59999\n" + "b" +
                                at_60 + " {\"N\":2} @70000\n");
}

TEST_F(TaskTest, a_record_counts_in_every_hop_that_holds_it) {
  auto run = query({kOrders},
                   "CREATE TABLE counts AS SELECT id, COUNT(*) AS n FROM orders WINDOW HOPPING "
                   "(SIZE 30 SECONDS, ADVANCE BY 10 SECONDS) GROUP BY id;");
  run->produce("orders", 0, {{"a", order("x", 1), 25'000}, {"a", order("x", 1), 31'000}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->table(),
            "\"a\" 1 25000 null null 0 30000\n"
            "\"a\" 2 31000 null null 10000 40000\n"
            "\"a\" 2 31000 null null 20000 50000\n"
            "\"a\" 1 31000 null null 30000 60000\n");
}

TEST_F(TaskTest, an_aggregation_of_a_table_takes_the_old_row_back) {
  auto run = query({kUsers},
                   "CREATE TABLE by_city AS SELECT city, COUNT(*) AS n FROM users GROUP BY city;");
  run->produce("users", 0, {{"1", user("Lahore"), 1}, {"2", user("Lahore"), 2}});
  run->produce("users", 0, {{"1", user("Quetta"), 3}, {"1", user("Quetta"), 4}});
  run->produce("users", 0, {{"2", std::nullopt, 5}, {"3", std::nullopt, 6}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(),
            "Lahore {\"N\":1} @1\n"
            "Lahore {\"N\":2} @2\n"
            "Lahore {\"N\":1} @3\n"
            "Quetta {\"N\":1} @3\n"
            "Quetta {\"N\":1} @4\n"
            "Lahore {\"N\":0} @5\n");
}

TEST_F(TaskTest, having_deletes_only_rows_that_had_passed_before) {
  auto run = query({kOrders},
                   "CREATE TABLE small AS SELECT id, SUM(amount) AS total FROM orders GROUP BY id "
                   "HAVING SUM(amount) < 10;");
  run->produce("orders", 0,
               {{"a", order("x", 4), 1},
                {"a", order("x", 7), 2},
                {"a", order("x", 1), 3},
                {"b", order("x", 50), 4},
                {"a", order("x", -5), 5}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(),
            "a {\"TOTAL\":4} @1\n"
            "a - @2\n"
            "a {\"TOTAL\":7} @5\n");
  EXPECT_EQ(run->table(), "\"a\" 7 5 null null\n");
}

TEST_F(TaskTest, a_filtered_table_deletes_rows_that_stop_matching) {
  auto run = query({kUsers}, "CREATE TABLE lahore AS SELECT * FROM users WHERE city = 'Lahore';");
  run->produce("users", 0,
               {{"1", user("Lahore"), 1},
                {"2", user("Quetta"), 2},
                {"1", user("Quetta"), 3},
                {"2", std::nullopt, 4},
                {"1", user("Lahore"), 5},
                {"1", std::nullopt, 6}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(),
            "1 {\"CITY\":\"Lahore\"} @1\n"
            "1 - @3\n"
            "1 {\"CITY\":\"Lahore\"} @5\n"
            "1 - @6\n");
  EXPECT_EQ(run->table(), "");
}

TEST_F(TaskTest, a_record_that_cannot_be_read_is_left_out_and_counted) {
  auto run = query({kOrders}, "CREATE STREAM copied AS SELECT * FROM orders;");
  run->produce("orders", 0, {{"a", "{nonsense", 1}, {"b", order("Quetta", 1), 2}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(), "b {\"CITY\":\"Quetta\",\"AMOUNT\":1} @2\n");
  EXPECT_EQ(run->task().metrics().records_failed, 1u);
  EXPECT_NE(run->task().metrics().last_error.find("(partition 0, offset 0)"), std::string::npos)
      << run->task().metrics().last_error;
}

TEST_F(TaskTest, every_record_that_cannot_be_read_is_counted) {
  auto run = query({kOrders}, "CREATE STREAM copied AS SELECT * FROM orders;");
  run->produce("orders", 0, std::vector<TestRecord>(100, {"a", "{nonsense", 1}));
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->task().metrics().records_failed, 100u);
  EXPECT_NE(run->task().metrics().last_error.find("offset 99)"), std::string::npos)
      << run->task().metrics().last_error;
}

TEST_F(TaskTest, single_records_write_the_same_as_one_batch) {
  std::string expected;
  for (const size_t rows : {4096, 1, 3}) {
    auto run = query({kOrders},
                     "CREATE TABLE counts AS SELECT id, COUNT(*) AS n FROM orders WINDOW TUMBLING "
                     "(SIZE 10 SECONDS, GRACE PERIOD 5 SECONDS) GROUP BY id HAVING COUNT(*) < 4;",
                     exact(rows));
    Random random(1);
    std::vector<TestRecord> records;
    for (int i = 0; i < 300; ++i)
      records.push_back({std::string(1, static_cast<char>('a' + random.next() % 3)), order("x", 1),
                         i * 300 + static_cast<int64_t>(random.next() % 20'000)});
    run->produce("orders", 0, records);
    ASSERT_TRUE(run->run_to_rest());
    if (expected.empty()) expected = run->written() + run->table();
    EXPECT_EQ(run->written() + run->table(), expected) << rows << " rows a step";
  }
}

}  // namespace
}  // namespace engine
