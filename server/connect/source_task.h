// A task of a source: one thread that reads the outside system, commits, and restarts after failures.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "server/connect/connect_log.h"
#include "server/connect/connectors.h"
#include "server/connect/ports.h"
#include "server/connect/topic_batches.h"
#include "storage/meta/connectors.h"

namespace server {

// Facts of a task for users.
struct TaskFacts {
  ConnectorState state = ConnectorState::Unassigned;
  std::string trace;     // of the last failure; of a running task: the reason why it waits
  std::string position;  // the last committed one
  int64_t records = 0, bytes = 0, commits = 0, last_commit_us = 0, retries = 0, errors = 0;
  int64_t dead_letters = 0, restarts = 0, memory_bytes = 0;
  std::optional<int64_t> lag_bytes;
};

// The surroundings of the tasks. All parts outlive them.
struct TaskSurroundings {
  ConnectLog& log;
  const Clock& clock;
  MemoryBudget& memory;
  std::function<std::shared_ptr<const storage::TopicSnapshot>()> find_topics;
};

struct SourceTaskPlan {
  storage::ConnectorDefinitionPtr definition;
  int32_t task = 0;
  // Opens the outside system; called on the task's thread at each start, so that a new password is read.
  std::function<Result<std::unique_ptr<SourceReader>>()> open;
  // Hides secrets in an error's text.
  std::function<std::string(std::string)> hide_secrets = [](std::string text) { return text; };
  bool tolerates_bad_records = false;
  bool logs_bad_records = false, logs_their_bytes = false;
  size_t max_records = 10'000;
  DeadLetters dead_letters;
};

// Invariants:
//   1. a batch is confirmed to the reader only when its commit is durable;
//   2. at most one commit is in flight, and at most one further batch is read meanwhile;
//   3. after a commit whose outcome is not known, the positions are read again before anything is written.
//
// Threads: start(), stop(), pause() and facts() on any; the rest on the task's own thread.
// Owner: the runtime of connectors.
class SourceTask {
 public:
  SourceTask(TaskSurroundings around, SourceTaskPlan plan);
  ~SourceTask();
  void start();
  // Ends the task; what is in flight is waited for.
  void stop();
  // A paused task keeps its connection and reads nothing.
  void pause(bool is_paused);
  TaskFacts facts() const;
  bool has_failed() const { return facts().state == ConnectorState::Failed; }

 private:
  // A commit in flight, with its bytes for a repetition after DiskFull.
  struct InFlight {
    ConnectCommit commit;
    SourcePositions positions;
    std::future<Result<Offset>> done;
    int64_t begun_us = 0;
    int64_t records = 0, bytes = 0, bad = 0;
  };
  void run();
  // Runs from the committed positions until the task stops, or fails.
  Status run_once();
  Status step(SourceReader& reader);
  Status read_state();
  Result<SourceBatch> poll(SourceReader& reader);
  Status take_bad_records(const SourceBatch& batch);
  Result<InFlight> prepare(SourceBatch batch);
  void submit(InFlight& commit);
  // Waits until the commit in flight is durable, and confirms it.
  Status settle(SourceReader& reader);
  // Returns whether no other task has committed since the state was read. A conflict then has another reason, such as a
  // long state, and the commit may be repeated.
  Result<bool> is_still_newest();
  SourcePositions positions() const;
  void set_state(ConnectorState state, std::string trace = {});
  void store_state(ConnectorState state, const std::string& trace);
  bool wait_for(int64_t ms);  // returns false if the task must stop
  bool must_stop() const;

  const TaskSurroundings around_;
  const SourceTaskPlan plan_;
  const PartitionId state_partition_;
  MemoryAccount account_;
  // Used on the task's thread.
  ConnectState state_;
  int64_t commits_ = 0;
  std::optional<InFlight> in_flight_;
  MemoryCharge charge_;
  std::thread thread_;

  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::condition_variable changed_;
  bool must_stop_ = false, is_paused_ = false;
  TaskFacts facts_;
};

}  // namespace server
