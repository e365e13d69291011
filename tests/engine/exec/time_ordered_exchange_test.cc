// Tests that rows after a time-ordered exchange are in the order of event time, even if some of the tasks before it are
// slower than others or have nothing to send.
#include <algorithm>
#include <sstream>

#include "engine/exec/exchange_lanes.h"
#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

const std::string kOrders = "CREATE STREAM orders (id VARCHAR KEY, city VARCHAR, amount INT);";
// The windows are small and have no grace period, so a row that arrives too late is missing. The list
// shows the order of the rows.
const std::string kLists =
    "CREATE TABLE lists AS SELECT city, COUNT(*) AS n, COLLECT_LIST(amount) AS amounts FROM orders "
    "WINDOW TUMBLING (SIZE 100 MILLISECONDS, RETENTION 30 DAYS, GRACE PERIOD 0 SECONDS) WHERE "
    "amount <> 7 GROUP BY "
    "city;";

TestRecord order(const std::string& city, int amount, int64_t timestamp) {
  return {"k", R"({"CITY":")" + city + R"(","AMOUNT":)" + std::to_string(amount) + "}", timestamp};
}

// Returns a partition of the plan's only exchange, with the id that QueryRun assigns to it.
PartitionRef exchange(PartitionId partition) {
  PartitionRef ref;
  ref.topic.bytes[0] = 2;
  ref.partition = partition;
  return ref;
}

ExchangeLanes two_readers() {
  ExchangePlan plan;
  plan.partitions = 2;
  plan.is_time_ordered = true;
  return ExchangeLanes(plan);
}

class TimeOrderedExchange : public QueryTest {
 protected:
  enum class Shape : uint8_t { Lanes, OneReader };
  // OneReader is the form that plans had before time-ordered exchanges existed.
  std::unique_ptr<QueryRun> lists(int partitions, Shape shape = Shape::Lanes,
                                  TaskOptions options = exact()) {
    settings_.num_partitions = partitions;
    catalog_ = std::make_shared<const Catalog>();
    EXPECT_TRUE(create(kOrders));
    Result<PlannedQuery> planned = plan(kLists);
    EXPECT_TRUE(planned && planned->plan.exchanges.front().is_time_ordered);
    if (shape == Shape::OneReader) {
      planned->plan.exchanges.front().is_time_ordered = false;
      planned->plan.stages.front().merges_partitions = true;
    }
    auto run = std::make_unique<QueryRun>(*std::move(planned), partitions, options);
    run->start();
    return run;
  }

  static int64_t counted(QueryRun& run) {
    int64_t sum = 0;
    std::istringstream lines(run.table());
    for (std::string line; std::getline(lines, line);) {
      std::istringstream cells(line.substr(line.find(' ')));
      int64_t cell = 0;
      // A line has the city, the count, the list and the bounds of the window.
      cells >> cell;
      sum += cell;
    }
    return sum;
  }
  static void step_and_answer(QueryRun& run, size_t task) {
    while (run.task(task).step() == StepResult::More) run.log().answer_all();
    run.log().answer_all();
  }
};

using Records = std::vector<std::vector<TestRecord>>;  // the records of each partition

// Returns records whose times sometimes go back, in partitions of different lengths, with cities
// that only some partitions have.
Records random_records(Random& random, int partitions) {
  Records records(static_cast<size_t>(partitions));
  for (std::vector<TestRecord>& partition : records) {
    int64_t time = static_cast<int64_t>(random.next() % 500);
    const uint64_t cities = 1 + random.next() % 6;
    for (uint64_t left = random.next() % 60; left > 0; --left) {
      time += static_cast<int64_t>(random.next() % 60);
      const int64_t back = random.next() % 4 == 0 ? static_cast<int64_t>(random.next() % 400) : 0;
      const std::string city(1, static_cast<char>('a' + random.next() % cities));
      TestRecord record =
          order(city, static_cast<int>(random.next() % 9), std::max<int64_t>(0, time - back));
      if (random.next() % 25 == 0) record.value = std::nullopt;
      if (random.next() % 25 == 0) record.value = "{nonsense";
      partition.push_back(std::move(record));
    }
  }
  return records;
}

void produce_all(QueryRun& run, const Records& records, Random& random) {
  for (size_t i = 0; i < records.size(); ++i)
    for (size_t at = 0; at < records[i].size();) {
      const size_t count = std::min<size_t>(1 + random.next() % 20, records[i].size() - at);
      const auto begin = records[i].begin() + static_cast<ptrdiff_t>(at);
      run.produce("orders", static_cast<int>(i), {begin, begin + static_cast<ptrdiff_t>(count)});
      at += count;
    }
}

TEST_F(TimeOrderedExchange, rows_come_as_from_one_task_that_reads_all_partitions) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Random random(seed);
    const int partitions = 1 + static_cast<int>(random.next() % 4);
    const Records records = random_records(random, partitions);
    auto expected = lists(partitions, Shape::OneReader);
    produce_all(*expected, records, random);
    ASSERT_TRUE(expected->run_to_rest());

    auto run = lists(partitions);
    produce_all(*run, records, random);
    run->log().take_back_on_release();
    for (uint64_t crashes = random.next() % 5; crashes > 0; --crashes) {
      run->options().max_rows_per_step = 1 + random.next() % 30;
      run->options().max_bytes_per_step = 100 + random.next() % 4'000;
      run->options().slice.max_rows = 1 + random.next() % 12;
      run->start();
      for (uint64_t left = random.next() % 150; left > 0; --left) run->stumble(random);
    }
    run->start();
    ASSERT_TRUE(run->run_to_rest());
    EXPECT_EQ(run->table(), expected->table()) << "seed " << seed;
  }
}

// A writer that has reported its end may still read records that are appended later.
TEST_F(TimeOrderedExchange, simultaneous_records_are_not_late) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    Random random(seed);
    const int partitions = 2 + static_cast<int>(random.next() % 3);
    auto run = lists(partitions);
    int64_t produced = 0;
    for (int64_t round = 0; round < 40; ++round) {
      for (int i = 0; i < partitions; ++i) {
        if (random.next() % 3 == 0) continue;
        std::vector<TestRecord> batch;
        for (uint64_t left = 1 + random.next() % 4; left > 0; --left)
          batch.push_back(order(std::string(1, static_cast<char>('a' + random.next() % 5)),
                                static_cast<int>(random.next() % 7),
                                round * 100 + static_cast<int64_t>(random.next() % 100)));
        std::ranges::sort(batch, {}, &TestRecord::timestamp);
        produced += static_cast<int64_t>(batch.size());
        run->produce("orders", i, batch);
      }
      for (uint64_t left = random.next() % 20; left > 0; --left) run->stumble(random);
      if (random.next() % 20 == 0) run->start();
    }
    ASSERT_TRUE(run->run_to_rest());
    EXPECT_EQ(counted(*run), produced) << "seed " << seed;
  }
}

TEST_F(TimeOrderedExchange, rows_wait_for_a_task_that_does_not_run) {
  auto run = lists(2);
  run->produce("orders", 0, {order("a", 1, 500)});
  run->produce("orders", 1, {order("a", 2, 100), order("a", 3, 600)});
  step_and_answer(*run, 0);
  for (size_t reader : {2, 3}) {
    EXPECT_EQ(run->task(reader).step(), StepResult::Idle);
    EXPECT_EQ(run->task(reader).committed().front(), Offset(0));
  }
  EXPECT_TRUE(run->task(2).is_held_up() || run->task(3).is_held_up());
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(counted(*run), 3);
  EXPECT_FALSE(run->task(2).is_held_up() || run->task(3).is_held_up());
}

TEST_F(TimeOrderedExchange, a_task_that_filters_all_away_lets_the_others_go_on) {
  auto run = lists(2, Shape::Lanes, exact(10));
  run->produce("orders", 0, {order("a", 1, 95), order("a", 2, 250)});
  std::vector<TestRecord> away;
  for (int i = 0; i < 30; ++i) away.push_back(order("a", 7, i * 10));
  run->produce("orders", 1, away);
  step_and_answer(*run, 0);
  run->task(1).step();  // reads ten records, whose times are up to 90
  run->log().answer_all();
  run->task(1).step();  // reads ten more records, up to 190
  run->log().answer_all();
  for (size_t reader : {2, 3}) step_and_answer(*run, reader);
  EXPECT_EQ(counted(*run), 1);
  EXPECT_TRUE(run->run_to_rest());
  EXPECT_EQ(counted(*run), 2);
}

TEST_F(TimeOrderedExchange, progress_is_sent_once_and_not_without_changes) {
  auto run = lists(2);
  const ExchangeLanes lanes = two_readers();
  const auto told = [&](int writer) {
    return run->log().topics().batches_of(exchange(lanes.progress_of(writer))).size();
  };
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(told(0) + told(1), 0u);
  run->produce("orders", 0, {order("a", 1, 10), order("b", 1, 20)});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(told(0), 1u);
  EXPECT_EQ(told(1), 0u);
  run->start();
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(told(0), 1u);
  EXPECT_EQ(counted(*run), 2);
}

// A partition whose clock is an hour behind, and which always gets new records, would delay the other partitions
// for ever if the delay had no limit.
TEST_F(TimeOrderedExchange, a_partition_that_lags_for_ever_delays_no_other_for_ever) {
  auto run = lists(2);
  run->produce("orders", 0, {order("a", 1, 1'000'000)});
  for (int i = 0; i < 20; ++i) {
    for (size_t task = 0; task < run->task_count(); ++task) {
      // Partition 1 gets a record before each step, so the task that reads this partition never
      // catches up.
      run->produce("orders", 1, {order("b", 2, 100 + i)});
      run->task(task).step();
      run->log().answer_all();
    }
  }
  EXPECT_NE(run->table().find("\"a\" 1"), std::string::npos) << run->table();
}

TEST_F(TimeOrderedExchange, nor_do_two_that_wait_for_each_other) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    auto run = lists(3);
    run->produce("orders", 0, {order("a", 1, 1'000'000)});
    for (int i = 0; i < 400; ++i) {
      run->produce("orders", 1 + static_cast<int>(random.next() % 2), {order("a", 2, 100 + i)});
      run->produce("orders", 1 + static_cast<int>(random.next() % 2), {order("b", 2, 100 + i)});
      for (int j = 0; j < 3; ++j) run->stumble(random);
    }
    EXPECT_NE(run->table().find("\"a\" 1"), std::string::npos) << "seed " << seed;
  }
}

TEST_F(TimeOrderedExchange, rows_that_wait_stay_in_the_log) {
  auto run = lists(2, Shape::Lanes, exact(50));
  std::vector<TestRecord> many;
  for (int i = 0; i < 5'000; ++i) many.push_back(order("a", 1, 1'000 + i));
  for (int i = 0; i < 4; ++i) run->produce("orders", 0, many);
  run->produce("orders", 1, {order("a", 1, 5)});
  step_and_answer(*run, 0);
  for (int i = 0; i < 20; ++i)
    for (size_t reader : {2, 3}) run->task(reader).step();
  EXPECT_LE(run->task(2).decoded_rows() + run->task(3).decoded_rows(), 200u);
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_NE(run->table().find("\"a\" 1 [1] "), std::string::npos) << run->table().substr(0, 200);
}

// The record with the far timestamp waits until all writers have reached the ends of their partitions. Records that
// arrive later are then ordered by their own times.
TEST_F(TimeOrderedExchange, a_broken_clock_is_forgotten_at_the_end) {
  auto run = lists(2);
  run->produce("orders", 0, {order("far", 1, 1'000'000'000)});
  ASSERT_TRUE(run->run_to_rest());
  // "far" and "a" are in different partitions, so the record with the far time closes no window of
  // "a"

  ASSERT_NE(partition_for("a", 2), partition_for("far", 2));
  run->produce("orders", 0, {order("a", 1, 100)});
  run->produce("orders", 1, {order("a", 2, 300)});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(counted(*run), 3);
}

TEST_F(TimeOrderedExchange, a_partition_that_is_added_has_lanes_behind_the_others) {
  auto run = lists(2);
  run->produce("orders", 0, {order("a", 1, 10), order("b", 1, 20)});
  ASSERT_TRUE(run->run_to_rest());
  run->add_source_partition();
  run->produce("orders", 2, {order("a", 1, 150), order("c", 1, 300)});
  run->produce("orders", 1, {order("a", 2, 140), order("c", 2, 350)});
  run->start();
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(counted(*run), 6);
  EXPECT_NE(run->table().find("[2,1]"), std::string::npos) << run->table();
}

// The result must be the same as for a stream that is not repartitioned.
TEST_F(TimeOrderedExchange, a_joined_table_behind_it_is_as_it_was_at_each_record_s_time) {
  settings_.num_partitions = 2;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    auto run = query({kOrders, "CREATE TABLE cities (id VARCHAR PRIMARY KEY, v INT);"},
                     "CREATE TABLE x AS SELECT c.id, COLLECT_LIST(c.v) AS vs FROM orders o JOIN "
                     "cities c ON o.city "
                     "= c.id WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY c.id;");
    ASSERT_EQ(run->task_count(), 4u);
    for (int version = 0; version < 10; ++version)
      run->produce("cities", partition_for("a", 2),
                   {{"a", R"({"V":)" + std::to_string(version) + "}", version * 100}});
    for (int i = 0; i < 9; ++i) run->produce("orders", i % 2, {order("a", 1, i * 100 + 50)});
    Random random(seed);
    for (int restarts = 0; restarts < 3; ++restarts) {
      run->options().max_rows_per_step = 1 + random.next() % 5;
      run->start();
      for (uint64_t left = random.next() % 30; left > 0; --left) run->stumble(random);
    }
    ASSERT_TRUE(run->run_to_rest());
    EXPECT_NE(run->table().find("[0,1,2,3,4,5,6,7,8]"), std::string::npos) << run->table();
  }
}

// The progress is deleted between the reader's request for the first offset of the log and its read of the log.
TEST_F(TimeOrderedExchange, progress_that_was_trimmed_just_now_is_asked_for_again) {
  auto run = lists(2);
  run->produce("orders", 0, {order("a", 1, 10)});
  step_and_answer(*run, 0);
  run->log().break_partition(exchange(two_readers().progress_of(1)),
                             Error{ErrorCode::OffsetOutOfRange, "it is gone"});
  const size_t reader = 2 + static_cast<size_t>(partition_for("a", 2));
  EXPECT_EQ(run->task(reader).step(), StepResult::More);
  EXPECT_FALSE(run->task(reader).failure());
}

TEST_F(TimeOrderedExchange, progress_that_cannot_be_read_stops_the_reader) {
  auto run = lists(2);
  const ExchangeLanes lanes = two_readers();
  run->log().topics().append(exchange(lanes.progress_of(1)), batch_of({{"k", "nonsense", 1}}));
  EXPECT_FALSE(run->run_to_rest());
  ASSERT_TRUE(run->task(2).failure());
  EXPECT_EQ(run->task(2).failure()->error.code, ErrorCode::CorruptRecord);
  EXPECT_EQ(run->task(2).failure()->partition, exchange(lanes.lane(1, 0)));
}

}  // namespace
}  // namespace engine
