// Tests a join with a table that another query writes. A record waits for those changes of the table which result
// from earlier records, and for no other changes.
#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <sstream>
#include <utility>

#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

const std::string kRecords = "CREATE STREAM s (id VARCHAR KEY, v INT);";
const std::string kRows = "CREATE TABLE d (id VARCHAR PRIMARY KEY, a INT);";
const std::string kJoined =
    "CREATE STREAM j AS SELECT s.id, v, a FROM s LEFT JOIN d ON s.id = d.id;";

TestRecord record(const std::string& id, int v, int64_t timestamp) {
  return {id, R"({"V":)" + std::to_string(v) + "}", timestamp};
}
TestRecord row(const std::string& id, int a, int64_t timestamp) {
  return {id, R"({"A":)" + std::to_string(a) + "}", timestamp};
}

// The writers of a table's topic: a query that reads the partitions of one topic and writes to
// another. The test decides how far it has read.
class TestWriters final : public TopicWriters {
 public:
  explicit TestWriters(std::vector<PartitionRef> inputs)
      : inputs_(std::move(inputs)), passed_(inputs_.size()), noted_(inputs_.size()) {}

  std::span<const PartitionRef> inputs() override { return inputs_; }
  void note_moment(std::span<const Offset> ends) override {
    noted_.assign(ends.begin(), ends.end());
    ++moments;
  }
  bool have_passed() override {
    if (on_question) on_question();
    const bool have_passed = std::ranges::equal(passed_, noted_, std::ranges::greater_equal());
    awaited_ = have_passed ? "" : "CTAS_D_1";
    return have_passed;
  }
  uint64_t version() const override { return version_; }
  const std::string& awaited() const override { return awaited_; }

  void pass(size_t input, Offset next) {
    passed_[input] = next;
    ++version_;
  }
  size_t moments = 0;
  std::function<void()> on_question;

 private:
  const std::vector<PartitionRef> inputs_;
  std::vector<Offset> passed_, noted_;
  uint64_t version_ = 0;
  std::string awaited_;
};

class AwaitedTopics : public QueryTest {
 protected:
  // `written` is the topic that a query writes. This query reads the topic "root", which has one
  // partition.
  void begin(const std::string& written, const std::string& sql = kJoined) {
    run_ = query({kRecords, kRows}, sql);
    writers_ = std::make_shared<TestWriters>(std::vector<PartitionRef>{run_->source("root", 0)});
    run_->await_writers(written, writers_);
    run_->start();
  }
  void produce_to_root() { run_->produce("root", 0, {record("k", 0, 0)}); }
  std::string written() {
    EXPECT_TRUE(run_->run_to_rest());
    return run_->written();
  }

  std::unique_ptr<QueryRun> run_;
  std::shared_ptr<TestWriters> writers_;
};

TEST_F(AwaitedTopics, a_record_waits_for_the_row_that_is_owed) {
  begin("d");
  produce_to_root();
  run_->produce("s", 0, {record("k", 1, 1500)});
  EXPECT_EQ(written(), "");
  EXPECT_TRUE(run_->task().is_held_up());
  EXPECT_EQ(run_->task().awaited_query(), "CTAS_D_1");
  run_->produce("d", 0, {row("k", 7, 1000)});
  EXPECT_EQ(written(), "") << "another row may be owed";
  writers_->pass(0, Offset(1));
  EXPECT_EQ(written(), "k {\"V\":1,\"A\":7} @1500\n");
  EXPECT_FALSE(run_->task().is_held_up());
  EXPECT_EQ(run_->task().awaited_query(), "");
}

TEST_F(AwaitedTopics, writers_that_have_nothing_to_do_are_not_waited_for) {
  begin("d");
  produce_to_root();
  writers_->pass(0, Offset(1));
  run_->produce("s", 0, {record("k", 1, 1500)});
  EXPECT_EQ(run_->task().step(), StepResult::Idle) << "one step takes it";
  EXPECT_EQ(written(), "k {\"V\":1,\"A\":null} @1500\n");
}

// The next row of the table, which is later than the record, has been read, so no earlier row can
// follow.
TEST_F(AwaitedTopics, a_table_that_has_a_later_row_is_not_waited_for) {
  begin("d");
  produce_to_root();
  run_->produce("d", 0, {row("k", 7, 3000)});
  run_->produce("s", 0, {record("k", 1, 1500)});
  EXPECT_EQ(written(), "k {\"V\":1,\"A\":null} @1500\n");
}

TEST_F(AwaitedTopics, rows_that_come_after_the_snapshot_are_read_before_the_record) {
  begin("d");
  produce_to_root();
  run_->produce("s", 0, {record("k", 1, 1500)});
  bool has_written = false;
  writers_->on_question = [&] {
    if (writers_->moments == 0 || std::exchange(has_written, true)) return;
    run_->produce("d", 0, {row("k", 7, 1000)});
    writers_->pass(0, Offset(1));
  };
  EXPECT_EQ(written(), "k {\"V\":1,\"A\":7} @1500\n");
}

TEST_F(AwaitedTopics, writers_that_are_always_behind_hold_nothing_up_for_ever) {
  begin("d");
  for (int i = 0; i < 20; ++i) {
    produce_to_root();
    run_->produce("s", 0, {record("k", i, 1500 + i)});
    EXPECT_TRUE(run_->run_to_rest());
    produce_to_root();
    writers_->pass(0, Offset(2 * i + 1));
    EXPECT_TRUE(run_->run_to_rest());
    EXPECT_EQ(std::ranges::count(run_->written(), '\n'), i + 1);
  }
}

TEST_F(AwaitedTopics, a_row_of_a_table_waits_for_the_records_that_are_owed) {
  begin("s");
  run_->produce("d", 0, {row("k", 1, 1000)});
  EXPECT_EQ(written(), "");
  produce_to_root();
  run_->produce("d", 0, {row("k", 2, 2000)});
  EXPECT_EQ(written(), "");
  EXPECT_EQ(run_->task().committed().back(), Offset(1)) << "the row of before is not held up";
  run_->produce("s", 0, {record("k", 1, 1500)});
  writers_->pass(0, Offset(1));
  EXPECT_EQ(written(), "k {\"V\":1,\"A\":1} @1500\n");
}

TEST_F(AwaitedTopics, a_table_that_is_read_first_is_waited_for) {
  session_.emplace("join.table.bootstrap", "true");
  begin("d");
  produce_to_root();
  run_->produce("s", 0, {record("k", 1, 1500)});
  EXPECT_EQ(written(), "");
  run_->produce("d", 0, {row("k", 7, 9000)});
  writers_->pass(0, Offset(1));
  EXPECT_EQ(written(), "k {\"V\":1,\"A\":7} @1500\n");
}

// A query need not wait in two cases: no query writes its topics, or the queries that write them also read its
// output (a cycle).
TEST_F(AwaitedTopics, without_writers_nothing_is_waited_for) {
  run_ = query({kRecords, kRows}, kJoined);
  run_->await_writers("d", std::make_shared<TestWriters>(std::vector<PartitionRef>{}));
  run_->start();
  run_->produce("s", 0, {record("k", 1, 1500)});
  EXPECT_EQ(written(), "k {\"V\":1,\"A\":null} @1500\n");
}

// The producer writes records, and changes that another query copies to the table's topic with a delay. Each record
// must find the change before it, with and without an exchange before the join.

class RandomDelays : public AwaitedTopics, public testing::WithParamInterface<const char*> {};

TEST_P(RandomDelays, every_record_finds_the_row_of_its_time) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Random random(seed);
    settings_.num_partitions = 1 + static_cast<int>(random.next() % 3);
    const int partitions = settings_.num_partitions;
    run_ = query({"CREATE STREAM s (id VARCHAR KEY, name VARCHAR, v INT);", kRows}, GetParam());
    std::vector<PartitionRef> roots;
    for (int i = 0; i < partitions; ++i) roots.push_back(run_->source("root", i));
    writers_ = std::make_shared<TestWriters>(roots);
    run_->await_writers("d", writers_);
    run_->start();

    // changes that the query has read and has not written yet, by the partition of its input
    std::vector<std::deque<TestRecord>> owed(static_cast<size_t>(partitions));
    std::vector<int64_t> passed(static_cast<size_t>(partitions), 0);
    const auto write_one = [&](size_t from) {
      if (owed[from].empty()) return;
      const TestRecord next = owed[from].front();
      owed[from].pop_front();
      run_->produce("d", partition_for(*next.key, partitions), {next});
      writers_->pass(from, Offset(++passed[from]));
    };
    std::map<std::string, int> newest;
    std::vector<std::string> expected;
    for (int64_t time = 1; time <= 60; ++time) {
      const std::string key(1, static_cast<char>('a' + random.next() % 3));
      const int home = partition_for(key, partitions);
      if (random.next() % 2 == 0) {
        newest[key] = static_cast<int>(time);
        const auto from = static_cast<size_t>(home);
        owed[from].push_back(row(key, static_cast<int>(time), time));
        run_->produce("root", home, {row(key, 0, time)});
      } else {
        const auto v = std::to_string(time);
        run_->produce("s", home, {{key, R"({"NAME":")" + key + R"(","V":)" + v + "}", time}});
        const auto known = newest.find(key);
        expected.push_back(key + " {\"V\":" + v + ",\"A\":" +
                           (known == newest.end() ? "null" : std::to_string(known->second)) +
                           "} @" + v);
      }
      for (uint64_t left = random.next() % 8; left > 0; --left)
        random.next() % 4 == 0 ? write_one(random.next() % owed.size()) : run_->stumble(random);
      if (random.next() % 20 == 0) run_->start();
    }
    for (size_t from = 0; from < owed.size(); ++from)
      while (!owed[from].empty()) write_one(from);
    std::vector<std::string> found;
    std::istringstream lines(written());
    for (std::string line; std::getline(lines, line);) found.push_back(line);
    std::ranges::sort(found);
    std::ranges::sort(expected);
    EXPECT_EQ(found, expected) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(
    AwaitedTopics, RandomDelays,
    testing::Values("CREATE STREAM j AS SELECT s.id, v, a FROM s LEFT JOIN d ON s.id = d.id;",
                    "CREATE STREAM j AS SELECT name, v, a FROM s LEFT JOIN d ON s.name = d.id;"));

}  // namespace
}  // namespace engine
