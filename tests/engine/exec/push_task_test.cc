// Tests transient tasks, which run push queries: they write nothing, and begin and end at given
// offsets.
#include "tests/engine/exec/query_test.h"

namespace engine {
namespace {

class PushTask : public QueryTest {
 protected:
  void SetUp() override {
    settings_.num_partitions = 2;
    ASSERT_TRUE(create("CREATE STREAM orders (id VARCHAR KEY, amount INT);"));
    ASSERT_TRUE(create("CREATE TABLE users (id VARCHAR PRIMARY KEY, city VARCHAR);"));
  }

  void produce(int partition, const std::vector<TestRecord>& records) {
    log_.append(ref(partition), batch_of(records));
  }

  void start(const std::string& sql, std::vector<InputLimit> limits, size_t max_rows = 4096) {
    auto planned = plan(sql);
    ASSERT_TRUE(planned) << planned.error().message;
    plan_ = std::move(planned->plan);
    std::vector<Task::Input> inputs;
    for (size_t i = 0; i < limits.size(); ++i)
      inputs.push_back({0, ref(static_cast<int>(i)), Offset(0), false, limits[i], {}});
    TaskOptions options = exact(max_rows);
    options.is_transient = true;
    const auto take = [this](Batch batch) {
      for (uint32_t row = 0; row < batch.rows; ++row) {
        const bool is_there = batch.present.test(row);
        const Batch one = batch.gather(std::vector<uint32_t>{row});
        shown_ += (is_there ? "" : "gone: ") + text_of(one.columns, 1);
      }
    };
    auto made =
        Task::make("push", plan_.stages.front(), std::move(inputs), CallbackOutput::Take(take),
                   log_, nullptr, clock_, 0, std::make_shared<const Properties>(session_), options);
    ASSERT_TRUE(made) << made.error().message;
    task_ = *std::move(made);
  }

  // Steps the task until nothing is left to do. Returns the rows that the task has shown.
  std::string run() {
    for (last_ = StepResult::More; last_ == StepResult::More;) last_ = task_->step();
    return std::exchange(shown_, "");
  }

  static PartitionRef ref(int partition) { return {Uuid{}, PartitionId(partition)}; }

  MemoryLog log_;
  QueryPlan plan_;
  std::unique_ptr<Task> task_;
  std::string shown_;
  StepResult last_ = StepResult::Idle;
};

TestRecord order(int amount) {
  return {"k", "{\"AMOUNT\":" + std::to_string(amount) + "}", amount};
}
TestRecord user(const std::string& id, const std::string& city, int64_t timestamp) {
  return {id, "{\"CITY\":\"" + city + "\"}", timestamp};
}

TEST_F(PushTask, shows_records_as_they_come) {
  start("SELECT amount FROM orders EMIT CHANGES;", {{}});
  EXPECT_EQ(run(), "");
  EXPECT_EQ(last_, StepResult::Idle);
  produce(0, {order(1), order(2)});
  EXPECT_EQ(run(), "1\n2\n");
  produce(0, {order(3)});
  EXPECT_EQ(run(), "3\n");
}

TEST_F(PushTask, ends_before_the_offset_where_it_is_to_stop) {
  for (const size_t max_rows : {1, 2, 4096}) {
    log_ = MemoryLog();
    produce(0, {order(1), order(2)});
    produce(0, {order(3), order(4), order(5)});
    start("SELECT amount FROM orders EMIT CHANGES;", {{.stop_at = Offset(4)}}, max_rows);
    EXPECT_EQ(run(), "1\n2\n3\n4\n");
    EXPECT_EQ(last_, StepResult::Finished);
    EXPECT_EQ(run(), "");
    EXPECT_EQ(last_, StepResult::Finished);
  }
}

TEST_F(PushTask, ends_when_each_partition_has_reached_its_stop) {
  for (const size_t max_rows : {1, 3, 4096}) {
    log_ = MemoryLog();
    produce(0, {order(1), order(3), order(5)});
    produce(1, {order(2), order(4), order(6)});
    start("SELECT amount FROM orders EMIT CHANGES;",
          {{.stop_at = Offset(2)}, {.stop_at = Offset(3)}}, max_rows);
    EXPECT_EQ(run(), "1\n2\n3\n4\n6\n");
    EXPECT_EQ(last_, StepResult::Finished);
  }
}

TEST_F(PushTask, an_empty_stream_is_finished_at_once_when_it_is_to_stop_at_its_end) {
  start("SELECT amount FROM orders EMIT CHANGES;",
        {{.stop_at = Offset(0)}, {.stop_at = Offset(0)}});
  EXPECT_EQ(run(), "");
  EXPECT_EQ(last_, StepResult::Finished);
}

TEST_F(PushTask, a_table_shows_its_rows_first_and_then_its_changes) {
  for (const size_t max_rows : {1, 2, 4096}) {
    log_ = MemoryLog();
    produce(0, {user("b", "Lahore", 1),
                user("a", "Quetta", 2),
                user("b", "Karachi", 3),
                user("c", "Sukkur", 4),
                {"c", std::nullopt, 5}});
    start("SELECT id, city FROM users EMIT CHANGES;", {{.bootstrap_end = Offset(5), .stop_at = {}}},
          max_rows);
    EXPECT_EQ(run(), "\"a\" \"Quetta\"\n\"b\" \"Karachi\"\n");
    produce(0, {user("b", "Lahore", 6), {"a", std::nullopt, 7}});
    EXPECT_EQ(run(), "\"b\" \"Lahore\"\ngone: \"a\" null\n");
  }
}

TEST_F(PushTask, rows_of_all_partitions_are_shown_before_the_first_change) {
  produce(0, {user("a", "Quetta", 1)});
  produce(1, {user("b", "Lahore", 2), user("b", "Karachi", 3)});
  start("SELECT id, city FROM users EMIT CHANGES;",
        {{.bootstrap_end = Offset(1), .stop_at = {}}, {.bootstrap_end = Offset(2), .stop_at = {}}},
        1);
  EXPECT_EQ(run(), "\"a\" \"Quetta\"\n\"b\" \"Karachi\"\n");
}

TEST_F(PushTask, a_table_that_is_to_end_shows_its_rows_and_ends) {
  produce(0, {user("a", "Quetta", 1), user("b", "Lahore", 2), {"b", std::nullopt, 3}});
  start("SELECT id, city FROM users EMIT CHANGES;",
        {{.bootstrap_end = Offset(3), .stop_at = Offset(3)}}, 1);
  EXPECT_EQ(run(), "\"a\" \"Quetta\"\n");
  EXPECT_EQ(last_, StepResult::Finished);
}

TEST_F(PushTask, a_filter_on_a_table_shows_rows_that_stop_matching_as_deleted) {
  produce(0, {user("a", "Lahore", 1), user("b", "Quetta", 2)});
  start("SELECT id, city FROM users WHERE city = 'Lahore' EMIT CHANGES;",
        {{.bootstrap_end = Offset(2), .stop_at = {}}});
  EXPECT_EQ(run(), "\"a\" \"Lahore\"\n");
  produce(0, {user("a", "Quetta", 3), user("b", "Quetta", 4), user("b", "Lahore", 5)});
  EXPECT_EQ(run(), "gone: \"a\" null\n\"b\" \"Lahore\"\n");
}

// Commits do not contain the groups of a push query. Nevertheless each record must show the sum
// over all records before it.
TEST_F(PushTask, an_aggregation_shows_every_change_of_a_group) {
  produce(0, {order(1), order(2)});
  start("SELECT id, COUNT(*) AS n, SUM(amount) AS s FROM orders GROUP BY id EMIT CHANGES;", {{}});
  EXPECT_EQ(run(), "\"k\" 1 1\n\"k\" 2 3\n");
}

}  // namespace
}  // namespace engine
