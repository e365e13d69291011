// Tests joins of streams: matches, the times of rows with NULLs, and that the division of records into steps does
// not matter.
#include <algorithm>

#include "base/random.h"
#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

const std::string kLeft = "CREATE STREAM l (id VARCHAR KEY, a INT) WITH (KAFKA_TOPIC = 'l');";
const std::string kRight = "CREATE STREAM r (id VARCHAR KEY, b INT) WITH (KAFKA_TOPIC = 'r');";

struct At {
  std::string key;
  int value;
  int64_t time;
};

class StreamStreamJoin : public QueryTest {
 protected:
  std::unique_ptr<QueryRun> join(const std::string& join, TaskOptions options = exact()) {
    const bool is_full = join.starts_with("FULL");
    return query({kLeft, kRight},
                 "CREATE STREAM x AS SELECT " + std::string(is_full ? "ROWKEY" : "l.id") +
                     ", a, b FROM l " + join + " ON l.id = r.id;",
                 options);
  }
  static void produce(QueryRun& run, const std::string& topic, const std::vector<At>& records) {
    std::vector<TestRecord> batch;
    for (const At& record : records)
      batch.push_back({record.key,
                       "{\"" + std::string(topic == "l" ? "A" : "B") +
                           "\":" + std::to_string(record.value) + "}",
                       record.time});
    run.produce(topic, 0, batch);
  }
  std::string joined(const std::string& text, const std::vector<At>& left,
                     const std::vector<At>& right) {
    auto run = join(text);
    if (!left.empty()) produce(*run, "l", left);
    if (!right.empty()) produce(*run, "r", right);
    EXPECT_TRUE(run->run_to_rest());
    return run->written();
  }
};

std::string row(const std::string& key, const std::string& a, const std::string& b, int64_t time) {
  return key + " {\"A\":" + a + ",\"B\":" + b + "} @" + std::to_string(time) + "\n";
}

TEST_F(StreamStreamJoin, both_ends_of_the_window_belong_to_it) {
  EXPECT_EQ(joined("JOIN r WITHIN (2 SECONDS, 5 SECONDS)", {{"k", 1, 10'000}},
                   {{"k", 1, 7'999}, {"k", 2, 8'000}, {"k", 3, 15'000}, {"k", 4, 15'001}}),
            row("k", "1", "2", 10'000) + row("k", "1", "3", 15'000));
}

TEST_F(StreamStreamJoin, records_of_one_time_meet_each_once_and_in_their_order) {
  EXPECT_EQ(joined("JOIN r WITHIN 1 SECOND", {{"k", 1, 1'000}, {"k", 2, 1'000}},
                   {{"k", 7, 1'500}, {"k", 8, 1'500}}),
            row("k", "1", "7", 1'500) + row("k", "2", "7", 1'500) + row("k", "1", "8", 1'500) +
                row("k", "2", "8", 1'500));
}

TEST_F(StreamStreamJoin, rows_of_nulls_are_written_when_no_match_can_arrive) {
  auto run = join("LEFT JOIN r WITHIN 1 SECOND GRACE PERIOD 2 SECONDS");
  produce(*run, "l", {{"k", 1, 1'000}, {"m", 2, 1'100}});
  produce(*run, "r", {{"other", 0, 4'000}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(), "");  // a match may still arrive until 4000
  produce(*run, "r", {{"m", 3, 2'000}, {"other", 0, 4'001}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(), row("m", "2", "3", 2'000) + row("k", "1", "null", 1'000));
}

TEST_F(StreamStreamJoin, at_equal_times_the_right_sides_nulls_are_first) {
  EXPECT_EQ(
      joined("FULL JOIN r WITHIN 1 SECOND GRACE PERIOD 0 SECONDS",
             {{"b", 1, 1'000}, {"a", 2, 1'000}, {"z", 0, 9'000}}, {{"c", 3, 1'000}}),
      row("c", "null", "3", 1'000) + row("a", "2", "null", 1'000) + row("b", "1", "null", 1'000));
}

// In Kafka Streams, a record without a key matches no record since KIP-962.
TEST_F(StreamStreamJoin, a_record_without_a_key_has_no_match) {
  auto run = join("LEFT JOIN r WITHIN 1 SECOND GRACE PERIOD 1 SECOND");
  run->produce("l", 0, {{std::nullopt, "{\"A\":1}", 1'000}, {"k", std::nullopt, 1'000}});
  run->produce("r", 0, {{std::nullopt, "{\"B\":1}", 1'000}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(), "- {\"A\":1,\"B\":null} @1000\n");
}

TEST_F(StreamStreamJoin, each_side_forgets_by_its_own_time_and_late_records_are_counted) {
  auto run = join("JOIN r WITHIN 1 SECOND GRACE PERIOD 1 SECOND");
  produce(*run, "l", {{"k", 1, 1'000}, {"k", 2, 10'000}, {"k", 3, 2'000}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->task().metrics().records_late, 1u);
  // At this time the left side has dropped its records that are older than 7 s, and the right side has dropped
  // nothing.
  produce(*run, "r", {{"k", 7, 1'500}, {"k", 8, 9'500}});
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(run->written(), row("k", "2", "8", 10'000));
}

TEST_F(StreamStreamJoin, expired_records_take_no_memory) {
  auto run = join("JOIN r WITHIN 1 SECOND GRACE PERIOD 0 SECONDS");
  for (int i = 0; i < 200; ++i) {
    produce(*run, "l", {{"k", i, i * 1'000}});
    produce(*run, "r", {{"m", i, i * 1'000}});
    ASSERT_TRUE(run->run_to_rest());
  }
  for (Store* store : run->task().stage().stores()) EXPECT_LT(store->size(), 10u);
}

// One record matches thousands, so a step ends before all its matches are joined. A crash at this point must not change
// the result.
TEST_F(StreamStreamJoin, a_record_that_meets_many_is_worked_off_in_slices) {
  const auto fill = [](QueryRun& run) {
    std::vector<At> many;
    for (int i = 0; i < 3'000; ++i) many.push_back({"k", i, 1'000 + i % 7});
    produce(run, "l", many);
    produce(run, "r", {{"k", 1, 2'000}, {"k", 2, 2'000}});
  };
  auto calm = join("FULL JOIN r WITHIN 10 SECONDS GRACE PERIOD 1 SECOND");
  fill(*calm);
  ASSERT_TRUE(calm->run_to_rest());
  const std::string expected = calm->written();
  EXPECT_EQ(std::ranges::count(expected, '\n'), 6'000);

  auto troubled = join("FULL JOIN r WITHIN 10 SECONDS GRACE PERIOD 1 SECOND");
  fill(*troubled);
  Random random(7);
  for (int crashes = 0; crashes < 40; ++crashes) {
    troubled->options().slice.max_rows = 1 + random.next() % 400;
    troubled->options().max_rows_per_step = 1 + random.next() % 300;
    troubled->start();
    for (uint64_t left = random.next() % 20; left > 0; --left) troubled->stumble(random);
  }
  troubled->start();
  ASSERT_TRUE(troubled->run_to_rest());
  EXPECT_EQ(troubled->written(), expected);
}

// The four partitions of each side are written at different speeds. No record may be late because
// of this.
TEST_F(StreamStreamJoin, repartitioned_sides_are_read_in_the_order_of_event_time) {
  settings_.num_partitions = 4;
  auto run = query({"CREATE STREAM l (a INT, city VARCHAR) WITH (KAFKA_TOPIC = 'l');",
                    "CREATE STREAM r (b INT, city VARCHAR) WITH (KAFKA_TOPIC = 'r');"},
                   "CREATE STREAM x AS SELECT l.city, a, b FROM l JOIN r WITHIN 1 SECOND GRACE "
                   "PERIOD 0 SECONDS ON l.city = r.city;",
                   exact(16));
  constexpr int kRecords = 200;
  for (int partition = 0; partition < 4; ++partition) {
    std::vector<TestRecord> left, right;
    for (int i = 0; i < kRecords; ++i) {
      const std::string number = std::to_string(partition * kRecords + i);
      left.push_back(
          {std::nullopt, "{\"A\":" + number + ",\"CITY\":\"c" + number + "\"}", 1'000 * i});
      right.push_back(
          {std::nullopt, "{\"B\":" + number + ",\"CITY\":\"c" + number + "\"}", 1'000 * i + 500});
    }
    run->produce("l", partition, left);
    run->produce("r", (partition + 1) % 4, right);
  }
  ASSERT_TRUE(run->run_to_rest());
  EXPECT_EQ(std::ranges::count(run->written(), '\n'), 4 * kRecords);
}

}  // namespace
}  // namespace engine
