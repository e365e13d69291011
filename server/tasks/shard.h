// An event loop with its client connections and its tasks. A task is stepped when its inputs have
// new records. Each step is a short slice of work, so that all tasks and connections of the loop
// get their turns.
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
#include "server/tasks/durable_commit.h"
#include "server/tasks/generator_clock.h"
#include "server/tasks/journal_checkpoints.h"
#include "server/tasks/limited_sources.h"
#include "server/tasks/log_ports.h"
#include "server/tasks/query_progress.h"
#include "server/tasks/replicated_sink.h"
#include "server/tasks/state_snapshots.h"
#include "server/tasks/subscriptions.h"

namespace server {

// Combines several callbacks into one. `then` is called once, when the last of them has been
// called. It gets an error if one of them got an error.
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

// A task on a shard, with the data that the shard stores about it.
struct ShardTask {
  std::string query_id;
  uint64_t run = 0;             // number of the query's run; failure reports contain it
  TaskSequence first_sequence;  // last durable commit before this run
  int stage = 0;
  int32_t number = 0;                         // number of the task within the stage
  std::unique_ptr<GeneratorClock> generator;  // the input of a task that generates rows
  // The inputs of a persistent task that runs on this node and does not generate rows.
  std::unique_ptr<LimitedSources> limited;
  std::unique_ptr<engine::Task> task;
  std::vector<std::unique_ptr<engine::Backing>> backings;  // for the task's stores
  PartitionId journal;  // only for a persistent task: the journal of its commits
  std::shared_ptr<const engine::QueryPlan> plan;  // only for a persistent task: its query's plan
  std::shared_ptr<engine::TableView>
      // the table of the task's stage; null: the stage keeps none. Scans hold weak pointers to it
      view;
  std::shared_ptr<engine::SharedTable> shared;  // the same table, for look-ups from other loops
  std::shared_ptr<ProgressOfQuery> progress;  // only for a persistent task: receives its positions
  // Set for a task that waits for the writers of its inputs. Shard::wake() with this key wakes the
  // task; the key is used like a partition.
  std::optional<engine::PartitionRef> wake_key;
  // Called after each step of a transient task. The function may remove the task.
  std::function<void(engine::StepResult)> after_step;

  // The members from here on are used only by the shard.
  bool is_queued = false, is_paused = false, failure_is_reported = false;
  bool is_attended = false;  // the task is in attended_, which the timer checks
  // held_back_since_us is the time since which the task waits for a checkpoint; nothing if it does
  // not wait. held_back_us is the total of its earlier waits.
  std::optional<int64_t> held_back_since_us;
  int64_t held_back_us = 0;
  struct Waiter {
    std::vector<std::pair<engine::PartitionRef, Offset>> targets;
    std::weak_ptr<const void> receiver;  // expired: the waiter has given up
    std::function<void(Status)> reached;
  };
  std::vector<Waiter> waiters;
  // A request to stop the task between two commits (Shard::hold()).
  struct Hold {
    const void* holder;
    // Called when the task is between two commits; null after the call.
    std::shared_ptr<Countdown> awaited;
    bool is_admitted = false;  // false: the request waits for its turn
  };
  std::vector<Hold> holds;
  size_t admitted_holds = 0;
  // Set while the task takes part in a barrier, which stops the tasks of several queries after the same records
  // (docs/adr/0153).
  struct AtBarrier {
    uint64_t number = 0;       // number of the barrier
    bool is_prepared = false;  // the task takes no records
    // The end offsets (cuts) up to which the task has to read; other tasks of the stage may read some of the
    // partitions. `stands` is called when the task has reached its cuts: its effects up to the cuts are durable, and it
    // has no unfinished work. It is empty if nothing is awaited.
    Cuts cuts;
    std::function<void(Status)> stands;
    // Called if the task fails, pauses or is removed while it is part of the barrier.
    std::function<void(Error)> left;
  };
  std::unique_ptr<AtBarrier> at_barrier;  // null: part of no barrier
  bool is_lost = false;  // committed data is damaged: the task cannot be built again
  // held_since_us is the time since which the task is held. Until works_until_us, the task must not
  // be held again.
  int64_t held_since_us = 0, works_until_us = 0;
  DecayingRate rate;  // rate of consumed records
  // The memory of the task, as the budget counts it.
  struct Memory {
    explicit Memory(MemoryBudget& budget) : account(budget) {}
    MemoryAccount account;
    MemoryCharge state{&account, MemoryKind::State}, scans{&account, MemoryKind::Scans};
  };
  std::optional<Memory> memory;
  // Receives the task's commits instead of the shard's sink; null: the shard's sink does.
  std::unique_ptr<ReplicatedSink> own_sink;
  // Set for a task that another node runs. Its commits are only applied here, so that its table can
  // be read.
  struct Standby {
    bool keeps_state = false;  // true: its table is kept up to date; false: only its positions are
    // Commits that are not applied to the table yet, because a scan is still reading the table as
    // of an earlier commit.
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
  std::string positions;  // text such as "orders-3@1742": the next offset in each partition
  engine::TaskMetrics metrics;
  // Number of records between the last commit and the end of the log. It is also computed for a
  // task that does not run. Nothing if an input is deleted.
  std::optional<int64_t> lag_records;
  bool has_failed = false, is_paused = false;
  bool is_standby = false;     // another node runs the task
  std::string awaited_query;   // id of the query that a join is waiting for
  uint64_t state_entries = 0;  // entries in all of the task's stores
  size_t state_bytes = 0;      // size of all of the task's stores
  size_t memory_bytes = 0;     // memory that the task's state takes
  JournalCheckpoints::Backlog backlog;
  int64_t held_back_us = 0;  // time spent waiting for checkpoints since the task was built
};

// Whether a report contains the text of the positions. Building this text takes longer than all
// other parts of a report.
enum class ReportDetail : uint8_t { Numbers, WithPositions };

// How far a task of a persistent query has read one of its inputs, according to its last durable commit.
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
  // Sets the state store from which tasks read checkpoints. Called before the loop runs.
  void read_state(storage::StateStore& state) {
    state_.emplace(state, loop_, [this] {
      has_read_state_ = true;
      start_timer();
    });
  }
  StateSnapshots& state() { return *state_; }
  // Sets the function that runs work on another thread. It is used to evaluate rows that take too
  // long for the loop (RowwiseOperator). Called before the first task exists. The work must end
  // before the loop is destroyed.
  void run_slow_rows_by(std::function<void(std::function<void()> work)> run_aside) {
    run_aside_ = std::move(run_aside);
  }

  // Makes the shard the owner of this partition of the task journal, and so of all tasks with
  // commits in it.
  void own(PartitionId journal, std::unique_ptr<JournalCheckpoints> checkpoints);

  // Drops the tasks whose ids begin with `prefix` from the checkpoints of the shard's journals.
  // Adds functions to `left`. The caller calls these on another thread, because they may wait.
  void drop_journalled(const std::string& prefix, std::vector<std::function<void()>>& left);

  // Called when these partitions have new records. The tasks that read them are stepped soon.
  void wake(std::span<const storage::TopicPartition> partitions);
  // Returns a key for ShardTask::wake_key that differs from all partitions and all other keys.
  static engine::PartitionRef new_wake_key();
  // Called when schemas have arrived from another node. Steps the tasks that wait for schemas.
  void wake_waiting();

  ShardTask& add(std::unique_ptr<ShardTask> task);
  void remove(ShardTask& task);
  void remove_query(const std::string& query_id);
  void pause_query(const std::string& query_id, bool is_paused);
  static bool may_step(const ShardTask& task);
  void schedule(ShardTask& task);

  // Calls `passed` when all tasks of the query's stage on this shard have durably passed these
  // positions, or have failed. If `receiver` has expired, `passed` is not called; the entry is
  // removed at a later call.
  void when_passed(const std::string& query_id, int stage,
                   const std::vector<std::pair<engine::PartitionRef, Offset>>& targets,
                   const std::weak_ptr<const void>& receiver, std::function<void(Status)> passed);
  // The progress of the tasks of one stage on this shard towards given offsets of their inputs. Only durable commits
  // count.
  struct Passed {
    size_t tasks = 0;  // number of the stage's tasks on this shard
    bool all = true;
    // Sum over the inputs: number of offsets before the targets that are already read, and number
    // of all offsets before the targets.
    int64_t records = 0, of_records = 0;
    // Sum over the inputs: the offsets that are read, from the beginning of the partition. `records` does not grow if
    // the log drops records as soon as they are read, as in an exchange; `positions` does.
    int64_t positions = 0;
  };
  Passed passed(const std::string& query_id, int stage,
                const std::vector<std::pair<engine::PartitionRef, Offset>>& targets) const;
  // Returns the tasks on this shard that keep a table of this query.
  std::vector<ShardTask*> materializers(const std::string& query_id);
  // Returns the tables of the query's tasks on this shard, for look-ups of single rows by other
  // threads.
  std::vector<std::shared_ptr<engine::SharedTable>> shared_tables(const std::string& query_id);
  // Holds the tasks on this shard that keep a table of the query: stops each of them between two
  // commits, until release() is called. `standing` is called when all of them have stopped. If a
  // task is removed meanwhile, `standing` does not wait for it. The address `holder` identifies the
  // request.
  //
  // A task can work about half of the time in any case: if a request arrives while the task is
  // held, it has to wait until the task has worked for as long as it was held.
  void hold(const std::string& query_id, const void* holder, std::function<void()> standing);
  void release(const std::string& query_id, const void* holder);
  static bool is_held(const ShardTask& task, const void* holder);
  // --- A barrier (docs/adr/0153) stops the tasks of a query's stage at given offsets, so that consistent tables can be
  // read. A task is part of one barrier at most. `tasks` is the number of tasks that the stage had on this shard when
  // the barrier began. If the number is now another one, a task has failed, ended or moved, and every function except
  // leave_barrier() fails with ObjectState.
  struct StageAtBarrier {
    uint64_t barrier;
    std::string query_id;
    int stage;
    size_t tasks;  // number of the stage's tasks on this shard
  };
  // Makes the tasks part of the barrier and stops their polls until limit(). `left` is called, on
  // the loop, if a task fails, pauses or is removed before leave_barrier(). Fails if a task does not
  // run or is part of another barrier.
  Status prepare(const StageAtBarrier& at, const std::function<void(Error)>& left);
  // Sets the limits of the tasks, and lets them continue up to these.
  Status limit(const StageAtBarrier& at, const CutsPtr& cuts);
  // Calls `stands` when the effects of all records before these cuts are durable and the tasks have
  // no unfinished work.
  void when_standing(const StageAtBarrier& at,
                     const std::vector<std::pair<engine::PartitionRef, Offset>>& cuts,
                     std::function<void(Status)> stands);
  // Lifts the limits of the stage's tasks, or of all tasks of the barrier if `stage` is negative.
  void leave_barrier(uint64_t barrier, const std::string& query_id, int stage);
  static bool is_at_barrier(const ShardTask& task, uint64_t barrier) {
    return task.at_barrier && task.at_barrier->number == barrier;
  }
  // Ends the query of the task with this error. Called when stored data of the task is damaged.
  void give_up(ShardTask& task, Error why);
  // Ends the transient tasks that read the partition. Called when records that they have read may
  // be lost, so that other records may have the same offsets.
  void end_reading(const storage::TopicPartition& partition, const Error& why);
  // Calls `release_some` in slices until it returns false. Used to free large objects without
  // blocking the loop.
  void release_in_slices(std::function<bool()> release_some);
  // --- Tasks of queries that nodes of a cluster share. The commits, which may come from any node,
  // arrive here in the order of their journal.
  void carried_out(const std::vector<FollowedCommit>& commits);
  // Calls `done` when the tables on this shard contain all commits that carried_out() has received
  // before this call.
  void when_followed(std::function<void()> done);
  // Returns reports on all persistent tasks. If there are many tasks, the call is slow;
  // survey_tasks() does the same in slices.
  std::vector<ShardTaskReport> reports() const;
  std::vector<std::string> persistent_queries() const;
  // Adds reports on the query's tasks on this shard to `to`.
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
  std::vector<ShardTask*> tasks_of(const std::string& query_id, int stage) const;
  Result<std::vector<ShardTask*>> tasks_at(const StageAtBarrier& at) const;
  static void check_standing(ShardTask& task);
  static void break_barrier(ShardTask& task, Error why);
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
  // A journal partition that the shard owns, with the memory that its checkpoint takes from the
  // budget.
  struct Journal {
    Journal(std::unique_ptr<JournalCheckpoints> its_checkpoints, MemoryBudget& budget)
        : checkpoints(std::move(its_checkpoints)), account(budget) {}
    const std::unique_ptr<JournalCheckpoints> checkpoints;
    MemoryAccount account;
    MemoryCharge frozen{&account, MemoryKind::Queries};
  };
  void committed(const DurableCommit& commit);
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
  void rest(ShardTask& task);
  void wake_rested();
  void follow(ShardTask& task);
  void follow_all();
  void tick();

  const uint32_t number_;
  Loop loop_;
  storage::Log& log_;
  const Clock& clock_;
  Subscriptions& subscriptions_;
  engine::SharedRecords& shared_records_;  // the shard's tasks read from them
  MemoryBudget& memory_;
  OnFailure on_failure_;
  std::unique_ptr<LogSources> sources_;
  LogSink sink_;
  std::optional<StateSnapshots> state_;
  // Runs the evaluation of slow rows on another thread. If it is empty, tasks evaluate these rows
  // on the shard's thread.
  std::function<void(std::function<void()> work)> run_aside_;
  std::unique_ptr<Timer> timer_;  // runs while a task in attended_ or a journal needs it
  std::thread thread_;
  // By query id. Each transient task has a query id of its own.
  absl::flat_hash_map<std::string, std::vector<std::unique_ptr<ShardTask>>> tasks_;
  Readers readers_;
  Readers followers_;  // tasks that wait for writers, by ShardTask::wake_key; only those are woken
  std::deque<ShardTask*> ready_;
  std::vector<ShardTask*> attended_;
  std::vector<ShardTask*> generators_;      // tasks that generate rows, now or later
  std::unique_ptr<Timer> generator_timer_;  // runs while tasks exist that generate rows
  std::deque<ShardTask*> evictable_;        // tasks whose state may be evicted from memory
  absl::flat_hash_map<PartitionId, std::unique_ptr<Journal>> journals_;
  // The task that is being stepped. It must not be destroyed during the step.
  ShardTask* stepping_ = nullptr;
  std::vector<std::unique_ptr<ShardTask>> removed_;
  // Functions that free the memory of ended tasks and scans. They work in slices, because this
  // memory may have millions of entries.
  std::deque<std::function<bool()>> leftovers_;
  bool slice_is_posted_ = false, is_reporting_ = false, is_evicting_ = false;
  bool timer_is_fast_ = false, has_read_state_ = false;
  // number of consecutive tasks of which evict_idle() could not evict any state
  size_t left_alone_ = 0;

  std::mutex woken_mutex_;
  // Guarded by woken_mutex_
  std::vector<storage::TopicPartition> woken_;

  std::mutex shared_mutex_;
  // By query id. Guarded by shared_mutex_.
  absl::flat_hash_map<std::string, std::vector<std::shared_ptr<engine::SharedTable>>> shared_;

  std::vector<ShardTask*> resting_;  // tasks that are to be stepped again at a later time
  std::unique_ptr<Timer> rest_timer_;
  std::vector<ShardTask*> followers_behind_;  // tasks with commits in `standby->waiting`
  std::vector<std::function<void()>> await_followers_;
  std::unique_ptr<Timer> follow_timer_;  // runs while followers_behind_ has tasks
};

}  // namespace server
