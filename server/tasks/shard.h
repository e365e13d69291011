// One event loop with what belongs to it: client connections and tasks. Tasks are stepped in turn,
// in small slices, whenever their inputs have grown.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/exec/task.h"
#include "engine/query/table_view.h"
#include "server/net/loop.h"
#include "server/tasks/checkpoints.h"
#include "server/tasks/log_ports.h"

namespace server {

// A task that runs on a shard, and what the shard knows about it.
struct ShardTask {
  std::string query_id;
  int stage = 0;
  std::unique_ptr<TaskCheckpoints> checkpoints;  // null for transient tasks
  std::unique_ptr<engine::Task> task;            // after checkpoints: it reports to them
  std::unique_ptr<engine::TableView> view;       // of the stage that keeps a table
  // Called after each step of a transient task; may remove it.
  std::function<void(engine::StepResult)> after_step;

  // For the shard.
  bool is_queued = false, is_paused = false, failure_is_reported = false;
  struct Waiter {
    std::vector<std::pair<engine::PartitionRef, Offset>> targets;
    std::function<void(Status)> reached;
  };
  std::vector<Waiter> waiters;
};

// What one task is doing, for SHOW QUERIES.
struct ShardTaskReport {
  std::string query_id;
  engine::TaskMetrics metrics;
  bool has_failed = false, is_paused = false;
};

// Threads: post(), wake() and loop() from any; everything else on the loop, or while it does not
// run.
class Shard {
 public:
  // `on_failure` is called on the loop when a persistent task cannot go on.
  using OnFailure = std::function<void(const ShardTask& task)>;
  static Result<std::unique_ptr<Shard>> make(storage::Log& log, const Clock& clock,
                                             OnFailure on_failure);
  ~Shard();

  void start_thread();
  // Stops the loop and joins its thread.
  void stop_thread();

  Loop& loop() { return loop_; }
  void post(server::Task work) { loop_.post(std::move(work)); }
  LogSources& sources() { return *sources_; }
  LogSink& sink() { return sink_; }

  // These partitions have grown: tasks that read them are stepped soon.
  void wake(std::span<const storage::TopicPartition> partitions);

  ShardTask& add(std::unique_ptr<ShardTask> task);
  void remove(ShardTask& task);
  void remove_query(const std::string& query_id);
  void pause_query(const std::string& query_id, bool is_paused);
  void schedule(ShardTask& task);

  // Calls back when all of a query stage's tasks here have passed these positions, durably, or have
  // failed.
  void when_passed(const std::string& query_id, int stage,
                   const std::vector<std::pair<engine::PartitionRef, Offset>>& targets,
                   std::function<void(Status)> passed);
  // The tasks here that keep a table of this query.
  std::vector<ShardTask*> keepers(const std::string& query_id);
  std::vector<ShardTaskReport> reports() const;

 private:
  Shard(storage::Log& log, const Clock& clock, OnFailure on_failure);
  void take_woken();
  void run_slice();
  void check_waiters(ShardTask& task);
  void report_failure(ShardTask& task);
  void tick();

  Loop loop_;
  const Clock& clock_;
  OnFailure on_failure_;
  std::unique_ptr<LogSources> sources_;
  LogSink sink_;
  std::unique_ptr<Timer> timer_;
  std::thread thread_;
  std::vector<std::unique_ptr<ShardTask>> tasks_;
  absl::flat_hash_map<engine::PartitionRef, std::vector<ShardTask*>> readers_;
  std::deque<ShardTask*> ready_;
  ShardTask* stepping_ = nullptr;  // must not be destroyed inside its own step
  std::vector<std::unique_ptr<ShardTask>> removed_;
  bool slice_is_posted_ = false;

  std::mutex woken_mutex_;
  // Guarded by woken_mutex_
  std::vector<storage::TopicPartition> woken_;
};

}  // namespace server
