// A task of a connector: a thread that copies records from the committed positions on, and starts
// again after a failure. The tasks of sources and sinks derive from ConnectTask, and implement its
// steps.
#pragma once
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
#include "server/connect/connector_memory.h"
#include "server/connect/connectors.h"
#include "server/connect/hosts/task_facts.h"
#include "server/connect/topic_batches.h"
#include "storage/meta/connectors.h"
#include "storage/meta/topic_table.h"

namespace server {

class ConnectHost;

// Returns the message, the detail and the hint as the trace of a task.
std::string trace_of(const Error& error);

// The objects that all tasks use. They outlive the tasks.
struct TaskSurroundings {
  ConnectLog& log;
  ConnectHost& host;
  const Clock& clock;
  MemoryBudget& memory;
  ConnectorMemory& connector_memory;
  std::function<std::shared_ptr<const storage::TopicSnapshot>()> find_topics;
};

// The properties errors.* of a connector.
struct BadRecordPolicy {
  bool is_tolerant = false, is_logged = false, are_bytes_logged = false;
  DeadLetters dead_letters;
};

struct TaskIdentity {
  storage::ConnectorDefinitionPtr definition;
  int32_t task = 0;
  // Hides secrets in an error's text.
  std::function<std::string(std::string)> hide_secrets = [](std::string text) { return text; };
};

// Invariants:
//    1. after a commit with an unknown outcome, the task reads the state again before it writes
//       anything;
//    2. each commit also writes the key engine::commit_key(). All runs of a task write this key, so
//       the commits of an earlier run fail after the first commit of a later run;
//    3. if ConnectHost::requires_fence(), a task copies records only if this key has the id of its
//       connector. CREATE CONNECTOR writes the key, and DROP CONNECTOR deletes it.
//
// Threads: start(), stop(), pause() and facts() may be called on any thread; all other functions on
// the task's own thread. Owner: the runtime of connectors. A derived class calls stop() in its
// destructor.
class ConnectTask {
 public:
  ConnectTask(TaskSurroundings around, TaskIdentity identity);
  virtual ~ConnectTask();
  ConnectTask(const ConnectTask&) = delete;
  ConnectTask& operator=(const ConnectTask&) = delete;
  void start();
  // Waits for the commits and writes in progress, and ends the task.
  void stop();
  // While it is paused, a task copies nothing, but keeps its connection to the outside system.
  void pause(bool is_paused);
  TaskFacts facts() const;
  // Called when new records exist. Ends the wait of a task that had nothing to copy.
  void wake();
  bool has_failed() const { return facts().state == ConnectorState::Failed; }
  // Whether the task has ended, because another task has written newer positions, or because the
  // connector was dropped. Only if ConnectHost::requires_fence().
  bool is_fenced() const;

 protected:
  // A submitted commit that is not durable yet. The task keeps `commit`, so that it can submit it
  // again after DiskFull.
  struct PendingCommit {
    ConnectCommit commit;
    std::future<Result<Offset>> done;
    int64_t begun_us = 0;
  };
  // Opens the outside system. The task begins at the committed positions in state().
  virtual Status open() = 0;
  // Copies some records. Returns whether more records can be copied at once.
  virtual Result<bool> step() = 0;
  // Waits for the writes in progress. Called before the task pauses, before it waits for memory,
  // and before it ends.
  virtual Status settle() = 0;
  // Called when the task is paused, after settle().
  virtual void on_pause() {}
  // Closes the outside system, also after a failure.
  virtual void close() = 0;

  // Waits until the memory is available both in the limit of all connectors (ConnectorMemory) and
  // in the server's budget. Calls settle() before it waits. Returns false if the task must stop. A
  // task that is paused or has nothing to copy releases the memory, so that idle tasks do not use
  // up the budget.
  Result<bool> await_memory(size_t bytes);
  // Applies the policy to a bad record. Fails if the policy does not tolerate bad records. If it
  // tolerates them, logs the record if the policy requires that.
  Status take_bad_record(const BadRecordPolicy& policy, const Error& error,
                         const std::string& bytes) const;
  // Adds the record of engine::commit_key(), and submits the commit.
  void submit(PendingCommit& pending);
  // Waits until the commit is durable. After DiskFull, submits it again. The error ObjectState
  // means that the state topic has a newer record than this task has read. If that record contains
  // no newer position of the connector, submits the commit again. If it does, fails with
  // FencedTask.
  Status await(PendingCommit& pending);
  // Returns the committed positions of this connector as pairs of partition and offset.
  std::vector<std::pair<std::string, std::string>> positions() const;
  // Returns the committed offset of this partition of the source; nothing if the partition has
  // none.
  std::optional<std::string> position_of(const std::string& partition_json) const;

  const ConnectState& state() const { return state_; }
  const TaskSurroundings& around() const { return around_; }
  const TaskIdentity& identity() const { return identity_; }
  // Changes the facts under their lock.
  void note(const std::function<void(TaskFacts&)>& change);
  // Changes the state in facts(), and reports it to the host if it is a new state or a new failure.
  void set_state(ConnectorState state, std::string trace = {});
  // Returns the functions with which a writer waits and reports retries. They call this object,
  // which must outlive them.
  TaskWait task_wait();
  bool wait_for(int64_t ms);  // returns false if the task must stop
  bool must_stop() const;

 private:
  // Changes the memory that the task has reserved to `bytes`. If the memory is not available,
  // returns false, and sets `refusal` to the reason.
  bool try_charge(size_t bytes, Error& refusal);
  void release_memory();
  void run();
  Status run_once();
  Status read_state();
  Result<bool> is_still_newest();
  // Applies `changes`, which this task has committed, to state_. The new end of state_ is `end`.
  void take_in(const std::vector<StateChange>& changes, Offset end);

  const TaskSurroundings around_;
  const TaskIdentity identity_;
  const PartitionId state_partition_;
  MemoryAccount account_;
  // Only the task's thread uses the members below.
  MemoryCharge charge_;
  size_t counted_bytes_ = 0;  // bytes that are counted in around_.connector_memory
  ConnectState state_;
  int64_t commits_ = 0;
  std::thread thread_;

  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::condition_variable changed_;
  bool must_stop_ = false, is_paused_ = false, is_woken_ = false, is_fenced_ = false;
  TaskFacts facts_;
};

}  // namespace server
