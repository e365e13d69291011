// Tasks that read several partitions, or the output of several tasks, process records in the order of event time.
#include <algorithm>

#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

const std::string kOrders = "CREATE STREAM orders (id VARCHAR KEY, city VARCHAR, amount INT);";
// A windowed aggregation after an exchange. Each list shows the order in which the records were processed.
const std::string kLists =
    "CREATE TABLE lists AS SELECT city, COLLECT_LIST(amount) AS amounts FROM orders WINDOW "
    "TUMBLING "
    "(SIZE 1 HOUR, GRACE PERIOD 1 HOUR) GROUP BY city;";

TestRecord order(int amount, int64_t timestamp) {
  return {"k", R"({"CITY":"x","AMOUNT":)" + std::to_string(amount) + "}", timestamp};
}

class TaskOrder : public QueryTest {
 protected:
  TaskOrder() { settings_.num_partitions = 2; }
  // Returns the amounts in the order in which they arrived at the aggregation.
  static std::string amounts(QueryRun& run) {
    EXPECT_TRUE(run.run_to_rest());
    const std::string rows = run.table();
    const size_t begin = rows.find('['), end = rows.find(']');
    return begin == std::string::npos ? rows : rows.substr(begin + 1, end - begin - 1);
  }
};

TEST_F(TaskOrder, each_partition_has_a_task_before_the_exchange) {
  auto run = query({kOrders}, kLists);
  ASSERT_EQ(run->task_count(), 4u);
  EXPECT_EQ(run->task(0).inputs().size(), 1u);
  EXPECT_EQ(run->task(2).inputs().size(), 2u);  // one input from each of both tasks
}

TEST_F(TaskOrder, the_earlier_record_goes_first) {
  auto run = query({kOrders}, kLists);
  run->produce("orders", 0, {order(1, 10), order(2, 30), order(3, 50)});
  run->produce("orders", 1, {order(4, 20), order(5, 40), order(6, 45)});
  EXPECT_EQ(amounts(*run), "1,4,2,5,6,3");
}

TEST_F(TaskOrder, at_equal_times_the_first_partition_is_first) {
  auto run = query({kOrders}, kLists);
  run->produce("orders", 1, {order(4, 10), order(5, 20)});
  run->produce("orders", 0, {order(1, 10), order(2, 20), order(3, 20)});
  EXPECT_EQ(amounts(*run), "1,4,2,3,5");
}

// Records of one partition are processed in the order of the log, whatever their timestamps are.
TEST_F(TaskOrder, a_record_waits_behind_a_later_one_of_its_partition) {
  auto run = query({kOrders}, kLists);
  run->produce("orders", 0, {order(1, 100), order(2, 5)});
  run->produce("orders", 1, {order(3, 50), order(4, 150)});
  EXPECT_EQ(amounts(*run), "3,1,2,4");
}

TEST_F(TaskOrder, an_empty_partition_delays_no_other) {
  auto run = query({kOrders}, kLists);
  run->produce("orders", 1, {order(1, 10), order(2, 20)});
  EXPECT_EQ(amounts(*run), "1,2");
}

// Returns the order in which the task should merge the records, computed over all records at once.
std::string merged_naively(std::vector<std::vector<TestRecord>> partitions) {
  std::string amounts;
  std::vector<size_t> next(partitions.size(), 0);
  for (;;) {
    size_t first = partitions.size();
    for (size_t i = 0; i < partitions.size(); ++i)
      if (next[i] < partitions[i].size() &&
          (first == partitions.size() ||
           partitions[i][next[i]].timestamp < partitions[first][next[first]].timestamp))
        first = i;
    if (first == partitions.size()) return amounts;
    const std::string& value = *partitions[first][next[first]++].value;
    const size_t number = value.rfind(':') + 1;
    amounts += (amounts.empty() ? "" : ",") + value.substr(number, value.size() - number - 1);
  }
}

TEST_F(TaskOrder, neither_batches_nor_steps_change_the_order) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    Random random(seed);
    TaskOptions options = exact(1 + random.next() % 9);
    if (random.next() % 3 == 0) options.max_rows_per_step = 4096;
    if (random.next() % 2 == 0) options.max_bytes_per_step = 200;
    auto run = query({kOrders}, kLists, options);
    std::vector<std::vector<TestRecord>> partitions(2);
    for (int partition = 0; partition < 2; ++partition) {
      int64_t time = 0;
      for (uint64_t batches = random.next() % 6; batches > 0; --batches) {
        std::vector<TestRecord> batch;
        for (uint64_t left = 1 + random.next() % 8; left > 0; --left) {
          time += static_cast<int64_t>(random.next() % 4);
          batch.push_back(
              order(static_cast<int>(random.next() % 1000),
                    std::max<int64_t>(0, time - static_cast<int64_t>(random.next() % 3))));
        }
        run->produce("orders", partition, batch);
        std::vector<TestRecord>& all = partitions[static_cast<size_t>(partition)];
        all.insert(all.end(), batch.begin(), batch.end());
      }
    }
    EXPECT_EQ(amounts(*run), merged_naively(partitions)) << "seed " << seed;
  }
}

// Records that wait for the other partition are read again in every step. If one of them has an error, the error is
// counted once, when the task has processed the record.
TEST_F(TaskOrder, a_record_that_cannot_be_read_is_counted_once) {
  auto run = query({kOrders}, kLists, exact(8));
  std::vector<TestRecord> early;
  for (int i = 0; i < 20; ++i) early.push_back(order(0, 10 + i));
  run->produce("orders", 0, early);
  run->produce("orders", 1, {order(6, 100), {"k", "{nonsense", 101}, order(7, 102)});
  EXPECT_EQ(amounts(*run).substr(40), "6,7");
  EXPECT_EQ(run->task(1).metrics().records_failed, 1u);
}

TEST_F(TaskOrder, a_partition_of_unreadable_records_is_passed) {
  auto run = query({kOrders}, kLists, exact(2));
  run->produce("orders", 0, {order(1, 10), order(2, 20)});
  for (int i = 0; i < 5; ++i) run->produce("orders", 1, {{"k", "{nonsense", 5}});
  EXPECT_EQ(amounts(*run), "1,2");
  EXPECT_EQ(run->task(1).metrics().records_failed, 5u);
  EXPECT_EQ(run->task(0).committed(), std::vector<Offset>{Offset{2}});
  EXPECT_EQ(run->task(1).committed(), std::vector<Offset>{Offset{5}});
}

}  // namespace
}  // namespace engine
