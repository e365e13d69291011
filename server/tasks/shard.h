// One event loop with its client connections and tasks. Tasks are stepped in turn, in small slices,
// when their inputs have grown.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/decaying_rate.h"
#include "base/memory_budget.h"
#include "engine/exec/task.h"
#include "engine/query/shared_table.h"
#include "engine/query/table_view.h"
#include "server/net/loop.h"
#include "server/tasks/generator_clock.h"
#include "server/tasks/journal_checkpoints.h"
#include "server/tasks/log_ports.h"
#include "server/tasks/replicated_sink.h"
#include "server/tasks/query_progress.h"
#include "server/tasks/state_snapshots.h"
#include "server/tasks/subscriptions.h"

namespace server {

// Combines several callbacks into one call when the last of them is done; the call gets an error if
// one of them had one.
class Countdown {
 public:
  Countdown(size_t left, std::function<void(Status)> then) : left_(left), then_(std::move(then)) {}
  void one(Status each = {}) {
    if (!each) status_ = std::move(each);
    if (--left_ == 0) std::exchange(then_, nullptr)(std::move(status_));
  }

 private:
  size_t left_;
  Status status_;
  std::function<void(Status)> then_;
};

// A task that runs on a shard, with the shard's own data about it.
struct ShardTask {
  std::string query_id;
  uint64_t run = 0;             // run of the query; failures report it
  TaskSequence first_sequence;  // last durable commit before this run
  int stage = 0;
  int32_t number = 0;                         // within the stage
  std::unique_ptr<GeneratorClock> generator;  // the input of a task that generates rows
  std::unique_ptr<engine::Task> task;
  std::vector<std::unique_ptr<engine::Backing>> backings;  // backings of the task's stores
  PartitionId journal;                            // persistent tasks: journal of the commits
  std::shared_ptr<const engine::QueryPlan> plan;  // persistent tasks: plan of the query
  std::shared_ptr<engine::TableView>
      view;  // the table that the task's stage keeps; scans refer to it weakly
  std::shared_ptr<engine::SharedTable> shared;  // the same table for other loops
  std::shared_ptr<ProgressOfQuery> progress;    // persistent tasks: receives the positions
  // A task that waits for the writers of its inputs is woken as if this partition had grown.
  std::optional<engine::PartitionRef> wake_key;
  // Called after each step of a transient task; it may remove the task.
  std::function<void(engine::StepResult)> after_step;

  // Used by the shard.
  bool is_queued = false, is_paused = false, failure_is_reported = false;
  bool is_attended = false;  // the timer checks it
  // Set while the task waits for a checkpoint. held_back_us is the total of earlier waits.
  std::optional<int64_t> held_back_since_us;
  int64_t held_back_us = 0;
  struct Waiter {
    std::vector<std::pair<engine::PartitionRef, Offset>> targets;
    std::weak_ptr<const void> receiver;  // expired: the waiter has given up
    std::function<void(Status)> reached;
  };
  std::vector<Waiter> waiters;
  // A request to keep the task between two commits (Shard::hold()).
  struct Hold {
    const void* holder;
    std::shared_ptr<Countdown> awaited;  // null once the task stands
    bool is_admitted = false;            // false: waits for its turn
  };
  std::vector<Hold> holds;
  size_t admitted_holds = 0;
  bool is_lost = false;  // committed data is damaged: the task cannot be built again
  // The time since which the task is held, and the time until which it must not be held again.
  int64_t held_since_us = 0, works_until_us = 0;
  DecayingRate rate;  // rate of consumed records
  // The memory of the task, as the budget counts it.
  struct Memory {
    explicit Memory(MemoryBudget& budget) : account(budget) {}
    MemoryAccount account;
    MemoryCharge state{&account, MemoryKind::State}, scans{&account, MemoryKind::Scans};
  };
  std::optional<Memory> memory;
  // In a cluster, for a task that this node runs: the sink of its commits. For a task that another
  // node runs, `standby` is set: its commits are followed here, so that its table can be read.
  std::unique_ptr<ReplicatedSink> proposed;
  struct Standby {
    bool keeps_state = false;  // follows the state of a table; otherwise only positions
    // Commits that are not followed yet: a reader of the table must see it as of one commit.
    std::deque<FollowedCommit> waiting = {};
    size_t waiting_bytes = 0;
    int64_t since_us = 0;
  };
  std::optional<Standby> standby;
};

// The state of one task for SHOW QUERIES and SHOW TASKS.
struct ShardTaskReport {
  std::string query_id;
  std::string task_id;
  int stage = 0;
  TaskEpoch epoch;
  std::string positions;  // "orders-3@1742": next offset in each partition
  engine::TaskMetrics metrics;
  // The records between the last commit and the end of the log, whether or not the task has run;
  // nothing if an input is deleted.
  std::optional<int64_t> lag_records;
  bool has_failed = false, is_paused = false;
  bool is_standby = false;     // another node runs it
  std::string awaited_query;   // the query whose rows a join waits for
  uint64_t state_entries = 0;  // entries in all of the task's stores
  size_t state_bytes = 0;      // size of all of the task's stores
  size_t memory_bytes = 0;     // memory that the task's state takes
  JournalCheckpoints::Backlog backlog;
  int64_t held_back_us = 0;  // time spent waiting for checkpoints since the task was built
};

// Positions are texts, which cost more than all other parts of a report.
enum class ReportDetail : uint8_t { Numbers, WithPositions };

// The durable position of a persistent task in one of its inputs.
struct InputPosition {
  std::string query_id;
  engine::PartitionRef partition;
  Offset committed;
};

// Threads: post(), wake(), loop(), number() and shared_tables() on any; all other methods on the
//          loop, or while it does not run.
class Shard {
 public:
  // `on_failure` is called on the loop when a persistent task cannot continue. It must not change
  // the shard's tasks.
  using OnFailure = std::function<void(const ShardTask& task)>;
  static Result<std::unique_ptr<Shard>> make(uint32_t number, storage::Log& log,
                                             Subscriptions& subscriptions,
                                             engine::SharedRecords& shared_records,
                                             MemoryBudget& memory, const Clock& clock,
                                             OnFailure on_failure);
  ~Shard();

  void start_thread();
  // Stops the loop and joins its thread.
  void stop_thread();

  uint32_t number() const { return number_; }
  Loop& loop() { return loop_; }
  void post(server::Task work) { loop_.post(std::move(work)); }
  LogSources& sources() { return *sources_; }
  LogSink& sink() { return sink_; }
  // Gives access to checkpoints; called before the loop runs.
  void read_state(storage::StateStore& state) {
    state_.emplace(state, loop_, [this] {
      has_read_state_ = true;
      start_timer();
    });
  }
  StateSnapshots& state() { return *state_; }
  // Runs slow rows on another thread; called before tasks exist. Work on such threads ends before
  // the loop does.
  void run_slow_rows_by(std::function<void(std::function<void()> work)> run_aside) {
    run_aside_ = std::move(run_aside);
  }

  // Makes the shard the owner of this partition of the journal and of the tasks with commits in it.
  void own(PartitionId journal, std::unique_ptr<JournalCheckpoints> checkpoints);

  // Drops the tasks whose ids begin with `prefix`: their commits reach no checkpoint. The functions
  // added to `left` must be called on another thread, since they may wait.
  void drop_journalled(const std::string& prefix, std::vector<std::function<void()>>& left);

  // Notes that these partitions have grown: tasks that read them are stepped soon.
  void wake(std::span<const storage::TopicPartition> partitions);
  // Returns a key that no partition and no other task has.
  static engine::PartitionRef new_wake_key();
  // Called when schemas have arrived from elsewhere. Lets the tasks that wait for schemas check
  // again.
  void wake_waiting();

  ShardTask& add(std::unique_ptr<ShardTask> task);
  void remove(ShardTask& task);
  void remove_query(const std::string& query_id);
  void pause_query(const std::string& query_id, bool is_paused);
  static bool may_step(const ShardTask& task);
  void schedule(ShardTask& task);

  // Calls back when all tasks of a query stage here have durably passed these positions, or have
  // failed. An expired `receiver` gets no call: it is forgotten when the next waiter arrives or
  // soon after.
  void when_passed(const std::string& query_id, int stage,
                   const std::vector<std::pair<engine::PartitionRef, Offset>>& targets,
                   const std::weak_ptr<const void>& receiver, std::function<void(Status)> passed);
  // The number of records before the targets that the tasks of a stage here have durably passed.
  struct Passed {
    size_t tasks = 0;  // number of the stage's tasks here
    bool all = true;
    int64_t records = 0, of_records = 0;  // by offsets, of the records in the log
  };
  Passed passed(const std::string& query_id, int stage,
                const std::vector<std::pair<engine::PartitionRef, Offset>>& targets) const;
  // Returns the tasks here that keep a table of this query.
  std::vector<ShardTask*> materializers(const std::string& query_id);
  // Returns the tables of the query's tasks here, for look-ups of single rows by other threads.
  std::vector<std::shared_ptr<engine::SharedTable>> shared_tables(const std::string& query_id);
  // Keeps the tasks of the query here between two commits until release(). `standing` is called
  // when all of them stand; a task that is removed meanwhile is not waited for. The address
  // `holder` identifies the request. A task works at least about half of the time: a request that
  // arrives while the task is held waits until it has then worked as long as it was held.
  void hold(const std::string& query_id, const void* holder, std::function<void()> standing);
  void release(const std::string& query_id, const void* holder);
  static bool is_held(const ShardTask& task, const void* holder);
  // Ends the query of the task with this error, since stored data of the task is damaged.
  void give_up(ShardTask& task, Error why);
  // Ends transient tasks that read the partition: records that they have read may be gone, and
  // other records may be at the same offsets.
  void end_reading(const storage::TopicPartition& partition, const Error& why);
  // Calls `release_some` in slices until it returns false. Used to free large objects.
  void release_in_slices(std::function<bool()> release_some);
  // --- Tasks of a cluster's queries: their commits by any node arrive in the order of their
  // journal.
  using CarriedOut = FollowedCommit;
  void carried_out(const std::vector<CarriedOut>& commits);
  // Calls back when the tables here contain all commits that carried_out() has received.
  void when_followed(std::function<void()> done);
  // Returns reports on all persistent tasks. The call is slow if there are many: use survey_tasks()
  // then.
  std::vector<ShardTaskReport> reports() const;
  std::vector<std::string> persistent_queries() const;
  // Adds reports on the tasks of a query; none if the query has no tasks here.
  void report(const std::string& query_id, ReportDetail detail,
              std::vector<ShardTaskReport>& to) const;
  // Returns the positions of the queries' tasks, except the positions in exchanges.
  std::vector<InputPosition> positions(std::span<const std::string> queries) const;
  MemoryBudget& memory() const { return memory_; }

 private:
  Shard(uint32_t number, storage::Log& log, Subscriptions& subscriptions,
        engine::SharedRecords& shared_records, MemoryBudget& memory, const Clock& clock,
        OnFailure on_failure);
  void take_woken();
  void share(ShardTask& task);
  void unshare(const ShardTask& task);
  using Readers = absl::flat_hash_map<engine::PartitionRef, std::vector<ShardTask*>>;
  void subscribe(Readers& readers, const engine::PartitionRef& partition, ShardTask& task);
  void unsubscribe(Readers& readers, const engine::PartitionRef& partition, ShardTask& task);
  void run_slice();
  void step(ShardTask& task);
  void destroy(std::unique_ptr<ShardTask> task);
  void release_some();
  void check_waiters(ShardTask& task);
  static void publish(const ShardTask& task);
  static bool stands(const ShardTask& task);
  static void note_standing(ShardTask& task);
  void admit_holds(ShardTask& task);
  std::optional<int64_t> lag_of(const ShardTask& task) const;
  void start_generators();
  void wake_generators();
  void report_failure(ShardTask& task);
  void attend(ShardTask& task);
  static bool needs_attention(const ShardTask& task);
  void start_timer();
  // An owned journal, with the memory of its checkpoint as the budget counts it.
  struct Journal {
    Journal(std::unique_ptr<JournalCheckpoints> its_checkpoints, MemoryBudget& budget)
        : checkpoints(std::move(its_checkpoints)), account(budget) {}
    const std::unique_ptr<JournalCheckpoints> checkpoints;
    MemoryAccount account;
    MemoryCharge frozen{&account, MemoryKind::Queries};
  };
  void committed(const LogSink::Durable& commit);
  bool is_overdue(const ShardTask& task) const;
  void hold_back(ShardTask& task);
  void release_held_back(ShardTask& task);
  bool tick_journals();
  void end_lost(PartitionId number, const JournalCheckpoints& checkpoints);
  void note_stored(const std::string& task_id, TaskSequence commit);
  void evict(ShardTask& task, uint64_t records);
  void evict_idle();
  void overtake_scans();
  void end_scans(ShardTask& task, size_t bytes);
  void charge_memory(ShardTask& task);
  void follow(ShardTask& task);
  void follow_all();
  void tick();

  const uint32_t number_;
  Loop loop_;
  storage::Log& log_;
  const Clock& clock_;
  Subscriptions& subscriptions_;
  engine::SharedRecords& shared_records_;  // the tasks are among its readers
  MemoryBudget& memory_;
  OnFailure on_failure_;
  std::unique_ptr<LogSources> sources_;
  LogSink sink_;
  std::optional<StateSnapshots> state_;
  std::function<void(std::function<void()> work)> run_aside_;  // empty: no other threads
  std::unique_ptr<Timer> timer_;  // runs while tasks need attention
  std::thread thread_;
  // By query. Each transient task is a query of its own.
  absl::flat_hash_map<std::string, std::vector<std::unique_ptr<ShardTask>>> tasks_;
  Readers readers_;
  Readers followers_;  // by the partitions of writers' progress: woken only if held up
  std::deque<ShardTask*> ready_;
  std::vector<ShardTask*> attended_;
  std::vector<ShardTask*> generators_;      // tasks that have rows to make, now or later
  std::unique_ptr<Timer> generator_timer_;  // runs while there are generators
  std::deque<ShardTask*> evictable_;        // tasks with state that may leave memory
  absl::flat_hash_map<PartitionId, std::unique_ptr<Journal>> journals_;
  ShardTask* stepping_ = nullptr;  // must not be destroyed during its own step
  std::vector<std::unique_ptr<ShardTask>> removed_;
  // Memory of ended tasks and scans, perhaps millions of entries, which is freed in slices.
  std::deque<std::function<bool()>> leftovers_;
  bool slice_is_posted_ = false, is_reporting_ = false, is_evicting_ = false;
  bool timer_is_fast_ = false, has_read_state_ = false;
  size_t left_alone_ = 0;  // number of tasks in a row from which evict_idle() could evict nothing

  std::mutex woken_mutex_;
  // Guarded by woken_mutex_
  std::vector<storage::TopicPartition> woken_;

  std::mutex shared_mutex_;
  // Guarded by shared_mutex_; by query
  absl::flat_hash_map<std::string, std::vector<std::shared_ptr<engine::SharedTable>>> shared_;

  std::vector<ShardTask*> followers_behind_;  // tasks with commits to follow
  std::vector<std::function<void()>> await_followers_;
  std::unique_ptr<Timer> follow_timer_;  // runs while tasks are behind
};

}  // namespace server
