// Tests a stream that reaches its join with a table through an exchange. Each record must find the table as it was
// at the record's time, even if some tasks are ahead of others.
#include <algorithm>
#include <map>
#include <numeric>
#include <sstream>

#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

const std::string kOrders = "CREATE STREAM orders (id VARCHAR KEY, city VARCHAR, amount INT);";
const std::string kCities = "CREATE TABLE cities (id VARCHAR PRIMARY KEY, v INT);";
const std::string kJoined =
    "CREATE STREAM x AS SELECT o.city, amount, v FROM orders o LEFT JOIN cities c ON o.city = "
    "c.id;";

TestRecord order(const std::string& city, int amount, int64_t timestamp) {
  return {"k", R"({"CITY":")" + city + R"(","AMOUNT":)" + std::to_string(amount) + "}", timestamp};
}
TestRecord version(const std::string& city, int v, int64_t timestamp) {
  return {city, R"({"V":)" + std::to_string(v) + "}", timestamp};
}

std::string sorted(const std::string& lines) {
  std::vector<std::string> all;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) all.push_back(line + "\n");
  std::ranges::sort(all);
  return std::accumulate(all.begin(), all.end(), std::string());
}

class RepartitionedJoin : public QueryTest {
 protected:
  std::unique_ptr<QueryRun> joined(int partitions, const std::string& sql = kJoined,
                                   const std::string& cities = kCities) {
    settings_.num_partitions = partitions;
    auto run = query({kOrders, cities}, sql);
    EXPECT_TRUE(run->plan().exchanges.front().is_time_ordered);
    return run;
  }
  static void step_and_answer(QueryRun& run, size_t task) {
    while (run.task(task).step() == StepResult::More) run.log().answer_all();
    run.log().answer_all();
  }
  static Offset read_of_table(QueryRun& run, size_t task) {
    return run.task(task).committed().back();
  }
};

// Tasks 0 and 1 write to the exchange, and tasks 2 and 3 read from it. All cities are in one
// partition.
void produce_three_versions(QueryRun& run) {
  run.produce("cities", partition_for("a", 2),
              {version("a", 1, 100), version("a", 2, 200), version("a", 3, 300)});
  run.produce("orders", 0, {order("a", 10, 250), order("a", 11, 300)});
  run.produce("orders", 1, {order("a", 20, 50), order("a", 21, 150), order("a", 22, 299)});
}
constexpr std::string_view kThreeVersionsFound = R"(a {"AMOUNT":20,"V":null} @50
a {"AMOUNT":21,"V":1} @150
a {"AMOUNT":10,"V":2} @250
a {"AMOUNT":22,"V":2} @299
a {"AMOUNT":11,"V":3} @300
)";

TEST_F(RepartitionedJoin, a_table_that_is_ahead_waits_for_records_on_their_way) {
  auto run = joined(2);
  produce_three_versions(*run);
  const size_t reader = 2 + static_cast<size_t>(partition_for("a", 2));
  EXPECT_EQ(run->task(reader).step(), StepResult::Idle);
  EXPECT_TRUE(run->task(reader).is_held_up());
  EXPECT_EQ(read_of_table(*run, reader), Offset(0));
  // task 1 may still send records that are older than all versions of the row
  step_and_answer(*run, 0);
  EXPECT_EQ(run->task(reader).step(), StepResult::Idle);
  EXPECT_EQ(read_of_table(*run, reader), Offset(0));
  step_and_answer(*run, 1);
  step_and_answer(*run, reader);
  EXPECT_EQ(read_of_table(*run, reader), Offset(3));
  EXPECT_EQ(run->written(), kThreeVersionsFound);
}

TEST_F(RepartitionedJoin, gives_the_same_result_in_any_order_of_its_tasks) {
  std::vector<size_t> turns{0, 1, 2, 3};
  do {
    for (const size_t rows : {1u, 2u, 100u}) {
      auto run = joined(2);
      run->options().max_rows_per_step = rows;
      run->start();
      produce_three_versions(*run);
      for (int round = 0; round < 6; ++round)
        for (const size_t task : turns) {
          run->task(task).step();
          if (round % 2 == 0) run->log().answer_one();
        }
      ASSERT_TRUE(run->run_to_rest());
      ASSERT_EQ(run->written(), kThreeVersionsFound) << testing::PrintToString(turns);
    }
  } while (std::ranges::next_permutation(turns).found);
}

// Computes the expected output from the inputs alone. The time of a record is the greatest timestamp of its partition
// so far.
class Model {
 public:
  void note(int partition, const TestRecord& version) {
    int64_t& time = times_[partition];
    time = std::max(time, version.timestamp);
    versions_[*version.key].emplace_back(time, version.value.value_or(R"({"V":null})"));
  }
  // Returns the JSON value of the city that was the newest at this time.
  std::string at(const std::string& city, int64_t time) const {
    std::string found = R"({"V":null})";
    if (const auto of_city = versions_.find(city); of_city != versions_.end())
      for (const auto& [from, value] : of_city->second)
        if (from <= time) found = value;
    return found;
  }

 private:
  std::map<int, int64_t> times_;  // the times of the table's partitions
  std::map<std::string, std::vector<std::pair<int64_t, std::string>>> versions_;
};

// Returns the next time of a sequence in which some times are earlier than the previous one.
int64_t next_time(Random& random, int64_t& time) {
  time += static_cast<int64_t>(random.next() % 60);
  const int64_t back = random.next() % 4 == 0 ? static_cast<int64_t>(random.next() % 200) : 0;
  return std::max<int64_t>(0, time - back);
}

std::string random_city(Random& random) {
  return std::string(1, static_cast<char>('a' + random.next() % 6));
}

Model produce_versions(QueryRun& run, int partitions, Random& random) {
  Model model;
  int64_t time = 0;
  for (int i = 0; i < 80; ++i) {
    const std::string city = random_city(random);
    TestRecord record = version(city, i, next_time(random, time));
    if (random.next() % 8 == 0) record.value = std::nullopt;
    const int partition = partition_for(city, partitions);
    model.note(partition, record);
    run.produce("cities", partition, {record});
  }
  return model;
}

// Produces random orders to the run. Returns the expected output for them.
std::string produce_orders(QueryRun& run, int partitions, const Model& model, Random& random) {
  std::string expected;
  for (int partition = 0; partition < partitions; ++partition) {
    int64_t time = 0, greatest = 0;
    for (uint64_t left = random.next() % 60; left > 0; --left) {
      const std::string city = random_city(random);
      const int64_t timestamp = next_time(random, time);
      greatest = std::max(greatest, timestamp);
      const int amount = partition * 1000 + static_cast<int>(left);
      run.produce("orders", partition, {order(city, amount, timestamp)});
      expected += city + R"( {"AMOUNT":)" + std::to_string(amount) + "," +
                  model.at(city, greatest).substr(1) + " @" + std::to_string(timestamp) + "\n";
    }
  }
  return expected;
}

void run_with_crashes(QueryRun& run, Random& random) {
  run.log().take_back_on_release();
  for (uint64_t crashes = random.next() % 5; crashes > 0; --crashes) {
    run.options().max_rows_per_step = 1 + random.next() % 30;
    run.options().max_bytes_per_step = 100 + random.next() % 4'000;
    run.options().slice.max_rows = 1 + random.next() % 12;
    run.start();
    for (uint64_t left = random.next() % 200; left > 0; --left) run.stumble(random);
  }
  run.start();
}

TEST_F(RepartitionedJoin, finds_the_rows_that_the_inputs_determine) {
  for (uint64_t seed = 1; seed <= 80; ++seed) {
    Random random(seed);
    const int writers = 1 + static_cast<int>(random.next() % 4);
    const int readers = 1 + static_cast<int>(random.next() % 3);
    auto run = joined(writers, kJoined,
                      "CREATE TABLE cities (id VARCHAR PRIMARY KEY, v INT) WITH (PARTITIONS = " +
                          std::to_string(readers) + ");");
    ASSERT_EQ(run->task_count(), static_cast<size_t>(writers + readers));
    const Model model = produce_versions(*run, readers, random);
    const std::string expected = produce_orders(*run, writers, model, random);
    run_with_crashes(*run, random);
    ASSERT_TRUE(run->run_to_rest());
    ASSERT_EQ(sorted(run->written()), sorted(expected)) << "seed " << seed;
  }
}

// The join is done by one task, before the second exchange. The first stage has one task for each partition,
// as always.
TEST_F(RepartitionedJoin, before_windows_over_another_column_gives_the_same_in_any_order) {
  std::string expected;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    auto run = joined(3,
                      "CREATE TABLE x AS SELECT v, COUNT(*) AS n, COLLECT_LIST(amount) AS amounts "
                      "FROM orders o JOIN cities c ON o.city = c.id WINDOW TUMBLING (SIZE 100 "
                      "MILLISECONDS, RETENTION 30 DAYS, GRACE PERIOD 0 SECONDS) GROUP BY v;");
    ASSERT_EQ(run->task_count(), 3u + 1u + 3u);
    Random inputs(1);
    produce_orders(*run, 3, produce_versions(*run, 3, inputs), inputs);
    if (seed > 1) {
      Random random(seed);
      run_with_crashes(*run, random);
    }
    ASSERT_TRUE(run->run_to_rest());
    if (seed == 1) expected = run->table();
    ASSERT_EQ(run->table(), expected) << "seed " << seed;
  }
  EXPECT_NE(expected.find("[1"), std::string::npos) << expected;
}

TEST_F(RepartitionedJoin, nothing_waits_for_a_partition_without_records) {
  auto run = joined(2);
  run->produce("cities", partition_for("a", 2), {version("a", 1, 100)});
  run->produce("orders", 0, {order("a", 1, 150)});
  step_and_answer(*run, 0);
  step_and_answer(*run, 2 + static_cast<size_t>(partition_for("a", 2)));  // task 1 has not run
  EXPECT_EQ(run->written(), "a {\"AMOUNT\":1,\"V\":1} @150\n");
}

// A row of the table waits only for those records that existed when the row was read. Records that
// arrive later do not delay it.
TEST_F(RepartitionedJoin, a_partition_that_lags_for_ever_does_not_hold_the_table_up_for_ever) {
  auto run = joined(2);
  const size_t reader = 2 + static_cast<size_t>(partition_for("a", 2));
  run->produce("cities", partition_for("a", 2), {version("a", 1, 1'000'000)});
  for (int i = 0; i < 20; ++i)
    for (size_t task = 0; task < run->task_count(); ++task) {
      run->produce("orders", 1, {order("b", 2, 100 + i)});
      run->task(task).step();
      run->log().answer_all();
    }
  EXPECT_EQ(read_of_table(*run, reader), Offset(1));
}

TEST_F(RepartitionedJoin, a_task_that_cannot_read_its_records_holds_the_table_up_until_it_can) {
  auto run = joined(2);
  const size_t reader = 2 + static_cast<size_t>(partition_for("a", 2));
  produce_three_versions(*run);
  run->log().set_read_error(Error{ErrorCode::CorruptRecord, "it is damaged"});
  run->task(1).step();
  run->log().set_read_error(std::nullopt);
  ASSERT_TRUE(run->task(1).failure());
  for (int i = 0; i < 5; ++i)
    for (const size_t task : {size_t{0}, reader}) step_and_answer(*run, task);
  EXPECT_EQ(run->written(), "");
  run->start();
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(), kThreeVersionsFound);
}

}  // namespace
}  // namespace engine
