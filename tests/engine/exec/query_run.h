// One continuous query over topics in memory: all of its tasks, which run, crash and restart.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "engine/exec/task.h"
#include "engine/plan/query_plan.h"
#include "engine/query/table_view.h"
#include "tests/engine/exec/crashable_log.h"

namespace engine {

struct TestRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  int64_t timestamp = 0;
};

// Runs all tasks of one query over a log in memory. Topics to which no test produces are empty. The
// tasks have the same inputs as in the server (server/tasks/query_tasks.h).
class QueryRun {
 public:
  QueryRun(PlannedQuery planned, int source_partitions, TaskOptions options);

  // Appends the records to the topic as one batch.
  void produce(const std::string& topic, int partition, const std::vector<TestRecord>& records);
  void produce_batch(const std::string& topic, int partition, std::string batch);
  // Deletes the records before this offset, as retention does.
  void delete_before(const std::string& topic, int partition, int64_t offset) {
    log_.topics().delete_before(source(topic, partition), Offset(offset));
  }
  // Adds a partition to each topic. Tasks that are started later read it.
  void add_source_partition() { ++source_partitions_; }
  // Makes every later read of the partition fail with the error.
  void break_partition(const std::string& topic, int partition, Error error) {
    log_.break_partition(source(topic, partition), std::move(error));
  }

  // Tasks that are started after this call wait for the queries that write the topic.
  void await_writers(const std::string& topic, TopicWritersPtr writers) {
    writers_[topic] = std::move(writers);
  }
  // Returns the partition of the topic in log().topics().
  PartitionRef source(const std::string& topic, int partition);

  // Builds all tasks from the durable state; earlier tasks are dropped.
  void start();
  void drop_tasks() { tasks_.clear(); }
  // Steps every task until none makes progress. Returns false if a task fails.
  bool run_to_rest();
  // Makes one random event happen: a step of a task, or an answer to a commit.
  void stumble(Random& random);

  const QueryPlan& plan() const { return planned_.plan; }
  Task& task(size_t index = 0) { return *tasks_[index].task; }
  size_t task_count() const { return tasks_.size(); }
  CrashableLog& log() { return log_; }
  TaskOptions& options() { return options_; }
  SimulatedClock& clock() { return clock_; }

  // The contents of the sink's topic: a line "key value @timestamp" per record, partition after
  // partition.
  std::string written();
  // Returns for each key its last line in written(), in the order of the keys.
  std::string newest_written();
  // The rows of the table, one a line.
  std::string table();
  // Returns the rows under these keys in the first partition of the table, or all rows if no keys
  // are given.
  Result<Batch> look_up(const std::vector<std::string>& keys) {
    TaskSequence as_of;
    return look_up(keys, as_of);
  }
  Result<Batch> look_up(const std::vector<std::string>& keys, TaskSequence& as_of);
  // Returns the next slice of the look-up in the first partition of the table.
  Result<Batch> look_up_some(TableLookUp& look_up, TaskSequence& as_of);
  Result<Batch> look_up_all();
  // Returns the rows under the key in the table of this task.
  Result<Batch> look_up_in(int32_t task, const std::string& key);
  // Returns the next slice of the scan of the table's first partition.
  Result<TableView::Slice> scan_some(TableScan& scan, size_t entries);

 private:
  struct Running {
    std::unique_ptr<Task> task;
    std::unique_ptr<TableView> view;
  };
  TableView& first_view();
  int task_count(const StagePlan& stage) const;
  std::vector<Task::Input> inputs_of(const StagePlan& stage, int partition);
  std::vector<Task::Input> lanes_of(Task::Input input, int exchange, int reader);
  void start_task(size_t stage, int number, std::vector<Task::Input> inputs);
  StageEnd end_of(const StagePlan& stage, int number) const;

  const PlannedQuery planned_;
  int source_partitions_;
  TaskOptions options_;
  CrashableLog log_;
  std::map<std::string, uint8_t> topic_numbers_;
  std::map<std::string, TopicWritersPtr> writers_;  // by topic
  SimulatedClock clock_{1'000'000};
  Random random_{0};
  std::vector<Running> tasks_;
};

// The records of a partition as lines.
std::vector<std::string> lines_of(const MemoryLog& topics, const PartitionRef& partition);
// Returns a batch of the records as a producer would send it.
std::string batch_of(const std::vector<TestRecord>& records);
// Returns the partition that a producer selects for this key.
int partition_for(std::string_view key, int partitions);
// Rows as lines, cells separated by blanks.
std::string text_of(const std::vector<ColumnPtr>& columns, size_t rows);

}  // namespace engine
