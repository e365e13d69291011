// Tests joins of streams with tables: which row a record finds, and what happens to records that
// find none.
#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

const std::string kOrders =
    "CREATE STREAM orders (id VARCHAR KEY, customer VARCHAR, amount INT) WITH (KAFKA_TOPIC = 'o');";
const std::string kCustomers =
    "CREATE TABLE customers (id VARCHAR PRIMARY KEY, name VARCHAR) WITH (KAFKA_TOPIC = 'c');";
const std::string kByKey =
    "CREATE STREAM x AS SELECT o.id, amount, name FROM orders o JOIN customers c ON o.id = c.id;";
const std::string kLeftByKey =
    "CREATE STREAM x AS SELECT o.id, amount, name FROM orders o LEFT JOIN customers c "
    "ON o.id = c.id;";

TestRecord order(const std::string& id, int amount, int64_t timestamp,
                 const std::string& customer = "") {
  return {id, "{\"CUSTOMER\":\"" + customer + "\",\"AMOUNT\":" + std::to_string(amount) + "}",
          timestamp};
}
TestRecord customer(const std::string& id, const std::string& name, int64_t timestamp) {
  return {id, "{\"NAME\":\"" + name + "\"}", timestamp};
}
TestRecord gone(const std::string& id, int64_t timestamp) { return {id, std::nullopt, timestamp}; }

class StreamTableJoin : public QueryTest {
 protected:
  // Returns the output of the query for these records of both topics.
  std::string joined(const std::string& sql, const std::vector<TestRecord>& orders,
                     const std::vector<TestRecord>& customers) {
    auto run = query({kOrders, kCustomers}, sql);
    if (!orders.empty()) run->produce("o", 0, orders);
    if (!customers.empty()) run->produce("c", 0, customers);
    EXPECT_TRUE(run->run_to_rest());
    return run->written();
  }
};

TEST_F(StreamTableJoin, an_inner_join_gives_the_records_that_find_a_row) {
  EXPECT_EQ(joined(kByKey, {order("a", 1, 10), order("b", 2, 11), order("a", 3, 12)},
                   {customer("a", "Ann", 5)}),
            "a {\"AMOUNT\":1,\"NAME\":\"Ann\"} @10\n"
            "a {\"AMOUNT\":3,\"NAME\":\"Ann\"} @12\n");
}

TEST_F(StreamTableJoin, a_left_join_gives_all_records) {
  EXPECT_EQ(joined(kLeftByKey, {order("a", 1, 10), order("b", 2, 11)}, {customer("a", "Ann", 5)}),
            "a {\"AMOUNT\":1,\"NAME\":\"Ann\"} @10\n"
            "b {\"AMOUNT\":2,\"NAME\":null} @11\n");
}

TEST_F(StreamTableJoin, a_record_sees_the_table_as_it_was_at_its_time) {
  EXPECT_EQ(joined(kLeftByKey,
                   {order("a", 1, 9), order("a", 2, 10), order("a", 3, 20), order("a", 4, 30)},
                   {customer("a", "Ann", 10), customer("a", "Anna", 15), gone("a", 25)}),
            "a {\"AMOUNT\":1,\"NAME\":null} @9\n"
            "a {\"AMOUNT\":2,\"NAME\":\"Ann\"} @10\n"
            "a {\"AMOUNT\":3,\"NAME\":\"Anna\"} @20\n"
            "a {\"AMOUNT\":4,\"NAME\":null} @30\n");
}

TEST_F(StreamTableJoin, a_change_of_the_table_alone_gives_nothing) {
  EXPECT_EQ(joined(kLeftByKey, {}, {customer("a", "Ann", 10), gone("a", 25)}), "");
}

TEST_F(StreamTableJoin, a_record_without_a_key_passes_a_left_join_only) {
  TestRecord keyless = order("", 1, 10);
  keyless.key = std::nullopt;
  EXPECT_EQ(joined(kByKey, {keyless}, {customer("a", "Ann", 5)}), "");
  EXPECT_EQ(joined(kLeftByKey, {keyless}, {customer("a", "Ann", 5)}),
            "- {\"AMOUNT\":1,\"NAME\":null} @10\n");
}

TEST_F(StreamTableJoin, a_record_without_a_value_gives_nothing) {
  EXPECT_EQ(joined(kLeftByKey, {gone("a", 10)}, {customer("a", "Ann", 5)}), "");
}

TEST_F(StreamTableJoin, a_condition_of_where_sees_both_sides) {
  EXPECT_EQ(
      joined("CREATE STREAM x AS SELECT o.id, amount FROM orders o LEFT JOIN customers c "
             "ON o.id = c.id WHERE c.name IS NULL AND o.amount > 1;",
             {order("a", 5, 10), order("b", 1, 11), order("b", 2, 12)}, {customer("a", "Ann", 5)}),
      "b {\"AMOUNT\":2} @12\n");
}

TEST_F(StreamTableJoin, the_key_is_the_joined_one_also_where_the_table_names_it) {
  EXPECT_EQ(joined("CREATE STREAM x AS SELECT c.id AS who, amount FROM orders o "
                   "LEFT JOIN customers c ON o.id = c.id;",
                   {order("b", 1, 10)}, {}),
            "b {\"AMOUNT\":1} @10\n");
}

TEST_F(StreamTableJoin, system_columns_of_both_sides_can_be_selected) {
  EXPECT_EQ(joined("CREATE STREAM x AS SELECT o.id, o.rowtime AS t, c.rowtime AS ct, "
                   "c.rowoffset AS n, c.rowpartition AS p FROM orders o JOIN customers c "
                   "ON o.id = c.id;",
                   {order("a", 1, 10)}, {customer("b", "Bob", 2), customer("a", "Ann", 5)}),
            "a {\"T\":10,\"CT\":5,\"N\":1,\"P\":0} @10\n");
}

TEST_F(StreamTableJoin, joined_rows_can_be_grouped) {
  auto run = query({kOrders, kCustomers},
                   "CREATE TABLE x AS SELECT name, SUM(amount) AS total FROM orders o "
                   "JOIN customers c ON o.id = c.id GROUP BY name;");
  run->produce("c", 0, {customer("a", "Ann", 5), customer("b", "Ann", 5), customer("c", "Eve", 5)});
  run->produce("o", 0, {order("a", 1, 10), order("b", 2, 11), order("c", 4, 12)});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->newest_written(), "Ann {\"TOTAL\":3} @11\nEve {\"TOTAL\":4} @12\n");
}

// ---- streams whose key is not the key of the join

class RekeyedJoin : public StreamTableJoin {
 protected:
  RekeyedJoin() { settings_.num_partitions = 3; }
  // Produces customers to the partitions of their keys, and orders to arbitrary partitions.
  static void produce(QueryRun& run, const std::vector<TestRecord>& orders,
                      const std::vector<TestRecord>& customers) {
    for (const TestRecord& one : customers) run.produce("c", partition_for(*one.key, 3), {one});
    for (size_t i = 0; i < orders.size(); ++i)
      run.produce("o", static_cast<int>(i % 3), {orders[i]});
  }
};

TEST_F(RekeyedJoin, goes_to_the_partition_of_the_tables_row) {
  auto run = query({kOrders, kCustomers},
                   "CREATE STREAM x AS SELECT customer, o.id AS number, name FROM orders o "
                   "LEFT JOIN customers c ON o.customer = c.id;");
  EXPECT_EQ(run->task_count(), 6u);
  produce(*run, {}, {customer("a", "Ann", 5), customer("b", "Bob", 5), customer("c", "Eve", 5)});
  ASSERT_TRUE(run->run_to_rest());
  produce(*run,
          {order("1", 1, 10, "a"), order("2", 1, 11, "b"), order("3", 1, 12, "c"),
           order("4", 1, 13, "d")},
          {});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->newest_written(),
            "a {\"NUMBER\":\"1\",\"NAME\":\"Ann\"} @10\n"
            "b {\"NUMBER\":\"2\",\"NAME\":\"Bob\"} @11\n"
            "c {\"NUMBER\":\"3\",\"NAME\":\"Eve\"} @12\n"
            "d {\"NUMBER\":\"4\",\"NAME\":null} @13\n");
}

TEST_F(RekeyedJoin, may_be_on_an_expression) {
  auto run = query({kOrders, kCustomers},
                   "CREATE STREAM x AS SELECT c.id, amount, name FROM orders o "
                   "JOIN customers c ON LCASE(o.customer) = c.id;");
  produce(*run, {}, {customer("a", "Ann", 5), customer("b", "Bob", 5)});
  ASSERT_TRUE(run->run_to_rest());
  produce(*run, {order("1", 1, 10, "A"), order("2", 2, 11, "B"), order("3", 3, 12, "X")}, {});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->newest_written(),
            "a {\"AMOUNT\":1,\"NAME\":\"Ann\"} @10\n"
            "b {\"AMOUNT\":2,\"NAME\":\"Bob\"} @11\n");
}

TEST_F(RekeyedJoin, with_another_key_format_finds_the_tables_bytes) {
  auto run = query({"CREATE STREAM orders (id INT KEY, amount INT) WITH (KAFKA_TOPIC = 'o', "
                    "KEY_FORMAT = 'JSON');",
                    "CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR) WITH (KAFKA_TOPIC = "
                    "'c', KEY_FORMAT = 'KAFKA');"},
                   kByKey);
  const std::string seven({0, 0, 0, 7});
  run->produce("c", partition_for(seven, 3), {customer(seven, "Ann", 5)});
  ASSERT_TRUE(run->run_to_rest());
  run->produce("o", partition_for("7", 3), {{"7", "{\"AMOUNT\":1}", 10}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(), "7 {\"AMOUNT\":1,\"NAME\":\"Ann\"} @10\n");
}

TEST_F(RekeyedJoin, may_follow_another_join) {
  auto run = query(
      {kOrders, kCustomers,
       "CREATE TABLE names (name VARCHAR PRIMARY KEY, meaning VARCHAR) WITH (KAFKA_TOPIC = 'n');"},
      "CREATE STREAM x AS SELECT n.name, o.id AS number, meaning FROM orders o "
      "JOIN customers c ON o.customer = c.id LEFT JOIN names n ON c.name = n.name;");
  EXPECT_EQ(run->task_count(), 9u);
  produce(*run, {}, {customer("a", "Ann", 5), customer("b", "Bob", 5)});
  run->produce("n", partition_for("Ann", 3), {{"Ann", "{\"MEANING\":\"grace\"}", 5}});
  ASSERT_TRUE(run->run_to_rest());
  produce(*run, {order("1", 1, 10, "a"), order("2", 2, 11, "b"), order("3", 3, 12, "x")}, {});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->newest_written(),
            "Ann {\"NUMBER\":\"1\",\"MEANING\":\"grace\"} @10\n"
            "Bob {\"NUMBER\":\"2\",\"MEANING\":null} @11\n");
}

// ---- tables whose records have the times of their arrival

class ReadFirstJoin : public StreamTableJoin {
 protected:
  const std::string kDatedOrders =
      "CREATE STREAM orders (id VARCHAR KEY, ts BIGINT, amount INT) "
      "WITH (KAFKA_TOPIC = 'o', TIMESTAMP = 'ts');";
  static TestRecord dated(const std::string& id, int amount, int64_t ts) {
    return {id, "{\"TS\":" + std::to_string(ts) + ",\"AMOUNT\":" + std::to_string(amount) + "}",
            1'000'000};
  }
  // Returns the output for old events and a table that was written later.
  std::string written(size_t max_rows) {
    auto run = query({kDatedOrders, kCustomers}, kLeftByKey, exact(max_rows));
    run->produce("o", 0, {dated("a", 1, 10), dated("b", 2, 20)});
    run->produce("c", 0, {customer("x", "Xia", 900'000), customer("b", "Bob", 900'001)});
    run->produce("c", 0, {customer("a", "Ann", 900'002)});
    EXPECT_TRUE(run->run_to_rest());
    run->produce("o", 0, {dated("b", 3, 15)});
    run->produce("c", 0, {gone("b", 900'003)});
    EXPECT_TRUE(run->run_to_rest());
    return run->written();
  }
};

TEST_F(ReadFirstJoin, all_records_see_the_rows_that_existed_at_the_start) {
  for (const size_t max_rows : {1, 2, 3, 4096})
    EXPECT_EQ(written(max_rows),
              "a {\"AMOUNT\":1,\"NAME\":\"Ann\"} @10\n"
              "b {\"AMOUNT\":2,\"NAME\":\"Bob\"} @20\n"
              "b {\"AMOUNT\":3,\"NAME\":null} @15\n");
}

TEST_F(ReadFirstJoin, without_the_option_old_records_precede_the_table) {
  session_["join.table.bootstrap"] = "false";
  for (const size_t max_rows : {1, 2, 3, 4096})
    EXPECT_EQ(written(max_rows),
              "a {\"AMOUNT\":1,\"NAME\":null} @10\n"
              "b {\"AMOUNT\":2,\"NAME\":null} @20\n"
              "b {\"AMOUNT\":3,\"NAME\":\"Bob\"} @15\n");
}

TEST_F(ReadFirstJoin, a_task_that_comes_back_goes_on_reading_the_table) {
  auto run = query({kDatedOrders, kCustomers}, kLeftByKey, exact(2));
  run->produce("o", 0, {dated("c", 1, 10)});
  run->produce("c", 0,
               {customer("a", "Ann", 900'000), customer("b", "Bob", 900'001),
                customer("c", "Eve", 900'002), customer("d", "Dan", 900'003)});
  run->task().step();
  ASSERT_TRUE(run->log().answer_all());
  EXPECT_EQ(run->written(), "");
  run->start();
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(), "c {\"AMOUNT\":1,\"NAME\":\"Eve\"} @10\n");
}

// ---- order, batches, crashes

struct Run {
  std::string name, sql;
};
void PrintTo(const Run& run, std::ostream* out) { *out << run.name; }

class JoinRuns : public StreamTableJoin, public testing::WithParamInterface<Run> {
 protected:
  std::unique_ptr<QueryRun> with_records(uint64_t seed, TaskOptions options) {
    auto run = query({kOrders, kCustomers}, GetParam().sql, options);
    Random random(seed);
    int64_t time = 100;
    for (int batches = 20; batches > 0; --batches) {
      std::vector<TestRecord> batch;
      const bool is_table = random.next() % 3 == 0;
      for (uint64_t left = 1 + random.next() % 8; left > 0; --left) {
        time += static_cast<int64_t>(random.next() % 3);
        const int64_t at = time - static_cast<int64_t>(random.next() % 20);
        const std::string key(1, static_cast<char>('a' + random.next() % 4));
        const std::string text = std::to_string(random.next() % 100);
        batch.push_back(is_table ? customer(key, text, at) : order(key, 1, at, text));
        if (random.next() % 6 == 0) batch.back().value = std::nullopt;
        if (random.next() % 20 == 0) batch.back().key = std::nullopt;
        if (random.next() % 20 == 0) batch.back().value = "{nonsense";
      }
      run->produce(is_table ? "c" : "o", 0, batch);
    }
    return run;
  }
};

TEST_P(JoinRuns, batches_change_nothing) {
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    auto one_by_one = with_records(seed, exact(1));
    ASSERT_TRUE(one_by_one->run_to_rest());
    ASSERT_NE(one_by_one->written(), "");
    for (const size_t max_rows : {5, 4096}) {
      auto batched = with_records(seed, exact(max_rows));
      ASSERT_TRUE(batched->run_to_rest());
      ASSERT_EQ(batched->written(), one_by_one->written()) << "seed " << seed;
    }
  }
}

TEST_P(JoinRuns, crashes_change_nothing) {
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    auto calm = with_records(seed, exact());
    ASSERT_TRUE(calm->run_to_rest());
    auto troubled = with_records(seed, exact());
    Random random(seed * 1000);
    for (int crashes = 0; crashes < 8; ++crashes) {
      troubled->options().max_rows_per_step = 1 + random.next() % 20;
      troubled->start();
      for (uint64_t left = random.next() % 20; left > 0; --left) troubled->stumble(random);
    }
    troubled->start();
    ASSERT_TRUE(troubled->run_to_rest());
    ASSERT_EQ(troubled->written(), calm->written()) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Queries, JoinRuns,
    testing::Values(Run{"inner", kByKey}, Run{"left", kLeftByKey},
                    Run{"grouped",
                        "CREATE TABLE x AS SELECT o.id, COUNT(*) AS n, COLLECT_LIST(name) AS l "
                        "FROM orders o LEFT JOIN customers c ON o.id = c.id GROUP BY o.id;"}));

}  // namespace
}  // namespace engine
