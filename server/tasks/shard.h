// One event loop with what belongs to it: client connections and tasks. Tasks are stepped in turn,
// in small slices, whenever their inputs have grown.
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
#include "server/tasks/proposed_commits.h"
#include "server/tasks/query_progress.h"
#include "server/tasks/state_turns.h"
#include "server/tasks/subscriptions.h"

namespace server {

// One call for several who are waited for: when the last of them is done, with an error if one of them had one.
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

// A task that runs on a shard, and what the shard knows about it.
struct ShardTask {
  std::string query_id;
  uint64_t run = 0;             // of the query: failures tell it
  TaskSequence first_sequence;  // the last durable one before this run
  int stage = 0;
  int32_t number = 0;                         // within the stage
  std::unique_ptr<GeneratorClock> generator;  // of a task that makes rows: what it reads
  std::unique_ptr<engine::Task> task;
  std::vector<std::unique_ptr<engine::Backing>> backings;  // of the task's stores
  PartitionId journal;                            // of a persistent task: where its commits lie
  std::shared_ptr<const engine::QueryPlan> plan;  // of a persistent task: what it was built from
  std::shared_ptr<engine::TableView>
      view;  // of the stage that keeps a table; scans hold on to it weakly
  std::shared_ptr<engine::SharedTable> shared;  // likewise, for other loops
  std::shared_ptr<ProgressOfQuery> progress;    // of a persistent task: where it publishes its own
  // A task that waits for the queries that write its inputs is woken as if this partition had grown.
  std::optional<engine::PartitionRef> wake_key;
  // Called after each step of a transient task; may remove it.
  std::function<void(engine::StepResult)> after_step;

  // For the shard.
  bool is_queued = false, is_paused = false, failure_is_reported = false;
  bool is_attended = false;  // the timer looks after it
  // Waits until a checkpoint is written since then; so long it did so before.
  std::optional<int64_t> held_back_since_us;
  int64_t held_back_us = 0;
  struct Waiter {
    std::vector<std::pair<engine::PartitionRef, Offset>> targets;
    std::weak_ptr<const void> interest;  // expired: nobody waits any more
    std::function<void(Status)> reached;
  };
  std::vector<Waiter> waiters;
  // Somebody for whom it stands still between two commits (Shard::hold()).
  struct Hold {
    const void* holder;
    std::shared_ptr<Countdown> awaited;  // null once it stands
    bool is_admitted = false;            // else it waits for its turn
  };
  std::vector<Hold> holds;
  size_t admitted_holds = 0;
  bool is_lost = false;  // what it has committed is damaged: it cannot be built again
  // Since when it is held; until when it works before it is held again.
  int64_t held_since_us = 0, works_until_us = 0;
  DecayingRate rate;  // of the records that it takes
  // What it holds, as the memory budget counts it.
  struct Memory {
    explicit Memory(MemoryBudget& budget) : account(budget) {}
    MemoryAccount account;
    MemoryCharge state{&account, MemoryKind::State}, scans{&account, MemoryKind::Scans};
  };
  std::optional<Memory> memory;
  // In a cluster, of a task that this node runs: where its commits go. Of one that another node runs: what that has
  // committed is followed here, so that what it keeps can be read.
  std::unique_ptr<ProposedCommits> proposed;
  struct Standby {
    bool keeps_state = false;  // the stage that keeps a table; else only its positions
    // Committed, and not followed yet: who reads the table is to see it as of one commit.
    std::deque<FollowedCommit> waiting = {};
    size_t waiting_bytes = 0;
    int64_t since_us = 0;
  };
  std::optional<Standby> standby;
};

// What one task is doing, for SHOW QUERIES and SHOW TASKS.
struct ShardTaskReport {
  std::string query_id;
  std::string task_id;
  int stage = 0;
  TaskEpoch epoch;
  std::string positions;  // "orders-3@1742": where it goes on in each partition
  engine::TaskMetrics metrics;
  // What lies between the last commit and the end of the log, whether or not the task has run;
  // nothing when an input is gone.
  std::optional<int64_t> lag_records;
  bool has_failed = false, is_paused = false;
  bool is_standby = false;     // another node runs it
  std::string awaited_query;   // whose rows a join waits for
  uint64_t state_entries = 0;  // in all of its stores
  size_t state_bytes = 0;      // that these take
  size_t memory_bytes = 0;     // of the server's: all of its state is there
  JournalCheckpoints::Backlog backlog;
  int64_t held_back_us = 0;  // that it has waited for checkpoints, since it was built
};

// The positions are texts, which cost more than all the rest.
enum class ReportDetail : uint8_t { Numbers, WithPositions };

// How far a persistent task has come in one of its inputs, durably.
struct InputPosition {
  std::string query_id;
  engine::PartitionRef partition;
  Offset committed;
};

// Threads: post(), wake(), loop(), number() and shared_tables() from any; everything else on the loop, or while it
//          does not run.
class Shard {
 public:
  // `on_failure` is called on the loop when a persistent task cannot go on. It must not change the
  // shard's tasks.
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
  // What checkpoints hold; before it runs.
  void read_state(storage::StateStore& state) {
    state_.emplace(state, loop_, [this] {
      has_read_state_ = true;
      start_timer();
    });
  }
  StateTurns& state() { return *state_; }
  // Runs work on another thread; before there are tasks. Whatever is still on such threads ends before the loop does.
  void run_slow_rows_by(std::function<void(std::function<void()> work)> run_aside) {
    run_aside_ = std::move(run_aside);
  }

  // The shard owns this partition of the journal, and with it the tasks whose commits lie there.
  void own(PartitionId journal, std::unique_ptr<JournalCheckpoints> checkpoints);

  // Tasks whose id begins with `prefix` are no more: their commits come into no checkpoint. What is put
  // into `left` is to be called elsewhere, since it may wait.
  void drop_journalled(const std::string& prefix, std::vector<std::function<void()>>& left);

  // These partitions have grown: tasks that read them are stepped soon.
  void wake(std::span<const storage::TopicPartition> partitions);
  // One that no partition and no other task has.
  static engine::PartitionRef new_wake_key();
  // Schemas have come from elsewhere: tasks that wait for some look again.
  void wake_waiting();

  ShardTask& add(std::unique_ptr<ShardTask> task);
  void remove(ShardTask& task);
  void remove_query(const std::string& query_id);
  void pause_query(const std::string& query_id, bool is_paused);
  static bool may_step(const ShardTask& task);
  void schedule(ShardTask& task);

  // Calls back when all of a query stage's tasks here have passed these positions, durably, or have
  // failed. Not when `interest` has expired: then it is forgotten, with the next that comes to wait
  // or soon after.
  void when_passed(const std::string& query_id, int stage,
                   const std::vector<std::pair<engine::PartitionRef, Offset>>& targets,
                   const std::weak_ptr<const void>& interest, std::function<void(Status)> passed);
  // How much of what lies before the targets the tasks of a stage here have passed, durably.
  struct Passed {
    size_t tasks = 0;  // of the stage
    bool all = true;
    int64_t records = 0, of_records = 0;  // by their offsets, of those that the log has
  };
  Passed passed(const std::string& query_id, int stage,
                const std::vector<std::pair<engine::PartitionRef, Offset>>& targets) const;
  // The tasks here that keep a table of this query.
  std::vector<ShardTask*> materializers(const std::string& query_id);
  // What these keep, for single rows that other threads look up.
  std::vector<std::shared_ptr<engine::SharedTable>> shared_tables(const std::string& query_id);
  // These tasks come to stand between two commits, and stay so until release(). `standing` is called when they
  // do; those that go meanwhile are not waited for. The memory of `holder` says who it is. However many want that, a
  // task works about half of the time: who comes while it is held waits until it has worked for as long.
  void hold(const std::string& query_id, const void* holder, std::function<void()> standing);
  void release(const std::string& query_id, const void* holder);
  static bool is_held(const ShardTask& task, const void* holder);
  // Something that the task has stored is damaged: its query ends with that.
  void give_up(ShardTask& task, Error why);
  // What transient tasks have read of the partition may be gone, and other records lie at the same offsets: they end.
  void end_reading(const storage::TopicPartition& partition, const Error& why);
  // Calls until it returns false, in slices: what is large is let go of like this.
  void release_in_slices(std::function<bool()> release_some);
  // --- Tasks of a cluster's queries: what was committed for them, by whichever node, in the order of their journal.
  using CarriedOut = FollowedCommit;
  void carried_out(const std::vector<CarriedOut>& commits);
  // Calls back when all of these are in the tables that are kept here.
  void when_followed(std::function<void()> done);
  // Of all persistent tasks: long where there are many, for which survey_tasks() is.
  std::vector<ShardTaskReport> reports() const;
  std::vector<std::string> persistent_queries() const;
  // Adds what the tasks of a query are doing; nothing when it has none here.
  void report(const std::string& query_id, ReportDetail detail,
              std::vector<ShardTaskReport>& to) const;
  // Of the tasks of these queries, but those in exchanges.
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
  // A journal that is owned, and what a checkpoint has read of it, as the memory budget counts it.
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
  std::optional<StateTurns> state_;
  std::function<void(std::function<void()> work)> run_aside_;  // empty: there are no other threads
  std::unique_ptr<Timer> timer_;  // runs while there are tasks to attend to
  std::thread thread_;
  // By query; also the transient ones, each of which is a query of its own.
  absl::flat_hash_map<std::string, std::vector<std::unique_ptr<ShardTask>>> tasks_;
  Readers readers_;
  Readers followers_;  // by where the writers tell their progress: woken only when held up
  std::deque<ShardTask*> ready_;
  std::vector<ShardTask*> attended_;
  std::vector<ShardTask*> generators_;      // those that have rows to make, now or later
  std::unique_ptr<Timer> generator_timer_;  // runs while there are some
  std::deque<ShardTask*> evictable_;        // those that have state which may leave memory
  absl::flat_hash_map<PartitionId, std::unique_ptr<Journal>> journals_;
  ShardTask* stepping_ = nullptr;  // must not be destroyed inside its own step
  std::vector<std::unique_ptr<ShardTask>> removed_;
  // Of tasks and scans that are gone: may be millions of entries, which are let go of in slices.
  std::deque<std::function<bool()>> leftovers_;
  bool slice_is_posted_ = false, is_reporting_ = false, is_evicting_ = false;
  bool timer_is_fast_ = false, has_read_state_ = false;
  size_t left_alone_ = 0;  // how many tasks in a row evict_idle() could not take anything from

  std::mutex woken_mutex_;
  // Guarded by woken_mutex_
  std::vector<storage::TopicPartition> woken_;

  std::mutex shared_mutex_;
  // Guarded by shared_mutex_; by query
  absl::flat_hash_map<std::string, std::vector<std::shared_ptr<engine::SharedTable>>> shared_;

  std::vector<ShardTask*> followers_behind_;  // those with commits that wait to be followed
  std::vector<std::function<void()>> await_followers_;
  std::unique_ptr<Timer> follow_timer_;  // runs while there are some
};

}  // namespace server
