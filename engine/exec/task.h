// One running piece of a query: (query, stage, partition). It takes records, runs its operators, and writes all changes
// of a micro-batch to the log as one task commit.
#pragma once
#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/exec/input_heads.h"
#include "engine/exec/journal.h"
#include "engine/exec/output_sequences.h"
#include "engine/exec/ports.h"
#include "engine/exec/processing_log.h"
#include "engine/exec/read_gate.h"
#include "engine/exec/stage.h"

namespace engine {

struct TaskOptions {
  size_t max_rows_per_step = 4096;  // tests set 1 to prove that batches do not affect results
  // A step takes fewer rows if they have many columns. Records are decoded in one piece, and the time depends on the
  // number of cells: a record with thousands of columns has few bytes in each. About ten milliseconds of work.
  size_t max_cells_per_step = 32 * 1024;
  // The first `careful_rows` rows are taken one at a time: set after a failure, so that all records before the bad one
  // are processed and committed.
  uint64_t careful_rows = 0;
  size_t max_bytes_per_step = 512 * 1024;  // input; about two milliseconds of work
  SliceLimits slice = {};
  int max_commits_in_flight = 4;
  bool merge_updates = true;
  bool is_transient = false;  // keeps no journal and never commits
  // Returns whether the records of a topic have the time of their append (message.timestamp.type = LogAppendTime).
  // Called on the task's thread, for each batch. Empty: no topic has.
  std::function<bool(const Uuid& topic)> has_append_time = {};
  // Schemas that records refer to; must outlive the task. Null: records refer to none.
  const SchemaLookup* schemas = nullptr;
  // Partition for the lines about failed records, in the commit of their micro-batch. Empty: the lines are only in the
  // server's own log.
  std::optional<PartitionRef> processing_log = {};
  // The rows of a replaced table are written once more, as computed since `revision`, unless a commit has recorded that
  // revision already.
  struct ShowAgain {
    int store = 0;     // store that keeps the rows
    size_t width = 0;  // columns in the layout of its operator
    int64_t revision = 0;
  };
  std::optional<ShowAgain> show_again = {};
};

// End of the input, for queries that end, or that first show the rows of a table.
struct InputLimit {
  Offset bootstrap_end{0};  // records below it only fill the table (transient queries on tables)
  std::optional<Offset> stop_at;  // records from here on are not taken
};

// Properties of the session that defined a query; shared by all its tasks.
using SharedProperties = std::shared_ptr<const Properties>;

enum class StepResult {
  Idle,      // no work until a partition grows or a commit is answered
  More,      // call again
  Finished,  // all inputs have reached their stop offset
  Failed,    // see failure(); only restore() of a new task continues from here
};

struct TaskFailure {
  Error error;
  PartitionRef partition;  // of the failed record
  Offset offset;           // the first record of the micro-batch that failed
};

// Metrics that SHOW QUERIES reports. Counts and the last error are part of the task's position, so a restart keeps
// them.
struct TaskMetrics {
  uint64_t records_in = 0, records_failed = 0;
  // The unreadable part of records_failed, since the task was made, and the first of these records.
  uint64_t records_unreadable = 0;
  std::string first_unreadable;  // "partition 0, offset 3: ..."
  uint64_t records_late = 0;     // records that arrived after one of their windows had closed
  uint64_t windows_expired = 0;  // windows removed from the table
  uint64_t records_ahead = 0;    // records too far ahead to move stream time
  std::string last_error;
  int64_t records_per_second = 0;  // set by the owner, which has a clock
  // The record that moved stream time last. Only for tasks that read topics: others know just its position in an
  // exchange.
  StreamTime stream_time;
};

// Invariants:
//   1. commits carry consecutive sequences, and each is complete: it has state, positions and outputs of whole records,
//      and for one record that is finished in part the finished part, with its place in the scalars;
//   2. after a refused commit, or a failure in the middle of a micro-batch, no further commit is made: memory is ahead
//      of the durable state, and the owner rebuilds the task from the checkpoint and the journal;
//   3. no records are taken while records taken before are not finished.
//
// Threads: belongs to the loop that steps it; commits are answered there too.
// Owner:   the node's query, the test runner, or a session (transient tasks).
class Task {
 public:
  struct Input {
    uint32_t input;  // of the stage
    PartitionRef partition;
    Offset next;  // first record to take, unless restored
    bool is_exchange = false;
    InputLimit limit = {};
    LaneWriterPtr writer = {};           // set for a lane of a time-ordered exchange
    TopicWritersPtr topic_writers = {};  // set for a topic whose rows are awaited
  };
  static Result<std::unique_ptr<Task>> make(std::string id, const StagePlan& plan,
                                            std::vector<Input> inputs, StageEnd end,
                                            Sources& sources, Sink* sink, const Clock& clock,
                                            uint64_t seed, SharedProperties properties,
                                            TaskOptions options);
  ~Task();
  // Ends the task and returns its operators, whose state is freed in steps (Stage::release_some).
  static std::unique_ptr<Stage> end(std::unique_ptr<Task> task) { return std::move(task->stage_); }

  // --- Before the first step: the backing from which stores read their checkpoints, unless they stay in memory; all
  // durable state, in order; the epoch, sequence and producer to continue with.
  using FindBacking = std::function<Backing&(uint32_t store)>;
  void open_stores(const FindBacking& find_backing);
  void begin_restore(const JournalEntry& checkpoint);  // restores the position
  // Returns whether the store's entries in the checkpoint must be restored too.
  bool loads(uint32_t store) const;
  // `commit`: sequence of the entry, or 0 for state from a checkpoint.
  Status restore(const JournalEntry& entry, TaskSequence commit);
  // Fails with CorruptRecord if a store does not have the recorded number of entries.
  Status resume_after(TaskEpoch epoch, TaskSequence last_sequence,
                      ProducerId producer = records::kNoProducer);

  // --- For a task that never steps because another node runs it: applies the task's next commit, which is part of the
  // log commit `as_of`. Its stores have no backing, and scans of them have ended. Fails with CorruptRecord if a commit
  // is missing.
  Status follow(const JournalEntry& entry, TaskSequence commit, CommitId as_of);

  // Decodes together with other tasks of the loop that read the same records. `records` must outlive the task.
  void share(SharedRecords& records) { heads_->share(records); }

  // Sets the function that runs work on another thread, and then `done` on the task's loop; the task may no longer
  // exist by then. Call before the first step.
  using RunAside = std::function<void(std::function<void()> work, std::function<void()> done)>;
  void run_aside_by(RunAside run_aside);

  // From now on other threads may read its tables while they hold the gate's lock. Call before the first step.
  void admit_readers(std::shared_ptr<ReadGate> gate) { gate_ = std::move(gate); }
  ReadGate* gate() const { return gate_.get(); }

  // With Intake::None a task takes no records and only finishes work that it has begun.
  enum class Intake : uint8_t { Records, None };
  // Runs one slice of work: on the unfinished records, or on the next ones.
  StepResult step(Intake intake = Intake::Records);
  // Fails the task, because its owner cannot keep its commits.
  void give_up(Error why);
  // Whether rows of a replaced table are still to be written once more, and the number of rows written so.
  bool shows_again() const {
    return options_.show_again && shown_revision_ < options_.show_again->revision;
  }
  uint64_t rows_shown_again() const { return rows_shown_again_; }
  // Returns whether work was begun that is in no commit yet, or in a commit that could not be sent.
  bool has_unfinished() const { return unsent_ || has_rest() || has_worked_; }
  // Returns whether all finished work is in a commit, which may not be durable yet.
  bool is_between_commits() const { return !has_worked_; }
  // Returns whether the last step stopped because too many commits are in flight, or because another thread works on a
  // row: the next step has work once an answer has arrived.
  bool waits_for_answer() const { return waits_for_answer_; }
  // Returns whether the last step left records that wait for the progress of the writers of its exchange, or of the
  // queries that write one of its topics.
  bool is_held_up() const { return heads_->is_held_up(); }
  // The id of the query that is waited for; empty if none is.
  const std::string& awaited_query() const { return heads_->awaited_query(); }
  // The reason why the next record waits. No event signals the end of that wait, so the owner steps the task again
  // after a while. Empty: no record waits.
  const std::string& waits_for() const { return heads_->waits_for(); }
  // The row that another thread works on, if all other work waits for it.
  const SlowRow* slow_row() const { return stage_->awaited(); }
  // Calls `then` once all work done so far is durable (at once if it is already), or with an error if it will not
  // become durable.
  void when_durable(std::function<void(Status)> then) {
    when_durable(last_begun(), std::move(then));
  }
  // Waits only for the commits up to this one. Commits that have not begun are not waited for.
  void when_durable(TaskSequence commit, std::function<void(Status)> then);
  // Sequence of the commit that contains all work so far: work since the last commit belongs to the next one.
  TaskSequence last_begun() const { return has_worked_ ? sequence_ + 1 : sequence_; }

  // Reports that checkpoints contain all state up to this commit.
  void note_stored(TaskSequence commit);
  // Visits at most `max_entries` entries of each store, and evicts those from memory that are not needed now. Call
  // between steps. Returns the number of evicted entries.
  size_t evict(size_t max_entries);
  // Ends scans, the oldest first, until they hold `bytes` less memory, because memory is needed more urgently
  // elsewhere. The caller frees the state of the returned scans.
  std::vector<StoreScanPtr> overtake_scans(size_t bytes = SIZE_MAX);

  const std::string& id() const { return id_; }
  const std::vector<Input>& inputs() const { return inputs_; }
  // Position of each input after the last commit, which may not be durable yet.
  const std::vector<Offset>& committed() const { return committed_; }
  // Position of each input after last_durable(): the output of the records before it is visible to all readers.
  const std::vector<Offset>& durable_positions() const { return durable_positions_; }
  TaskEpoch epoch() const { return epoch_; }
  TaskSequence last_sequence() const { return sequence_; }
  TaskSequence last_durable() const { return durable_; }
  // The log commit that contains all commits up to last_durable(); 0 before the first one of this run.
  CommitId durable_as_of() const { return durable_as_of_; }
  const std::optional<TaskFailure>& failure() const { return failure_; }
  // Returns whether rows are taken one at a time.
  bool is_careful() const { return rows_taken_ < options_.careful_rows; }
  const TaskMetrics& metrics() const { return metrics_; }
  uint64_t decoded_rows() const { return heads_->decoded_rows(); }
  // Bytes of records that were read and wait for the next step.
  size_t waiting_bytes() const {
    return heads_->owned_bytes() + (runs_.empty() ? 0 : bytes_of_rest_);
  }
  Stage& stage() { return *stage_; }
  // `listener` is called after each answer to a commit, and when another thread has finished its work: a task that
  // waits_for_answer() is then to be stepped again.
  void on_answer(std::function<void()> listener) { answered_ = std::move(listener); }

 private:
  class Log;
  struct Waiting {
    TaskSequence after;
    std::function<void(Status)> then;
  };
  Task(std::string id, std::vector<Input> inputs, Sources& sources, Sink* sink, const Clock& clock,
       uint64_t seed, SharedProperties properties, TaskOptions options);

  void begin_reading();
  void restore_counters(std::span<const int64_t> scalars);
  size_t row_limit() const { return is_careful() ? 1 : std::min(rows_at_once_, max_rows_); }
  bool has_rest() const { return !runs_.empty() || stage_->has_rest(); }
  Status take_records();
  Status work_off();
  void prefetch_runs();
  void own_rest();
  void update_positions();
  const std::string& topic_of(uint32_t stage_input) const;
  const std::string& current_topic() const { return topic_of(current_stage_input_); }
  Status finish_bootstrap();
  Status show_some_again();
  StepResult step_once(Intake intake);
  StepResult finish_step();
  bool reads_exchange() const;
  bool has_more_input() const;
  bool has_moved() const;
  void tell_progress(TaskCommit& commit);
  std::vector<int64_t> scalars() const;
  std::vector<StoreSize> take_changed_sizes();
  Status check_sizes();
  StepResult commit(bool more);
  bool submit();
  void stamp_append_times(std::vector<OutputBatch>& outputs) const;
  void committed(TaskSequence sequence, Result<CommitId> result);
  StepResult fail(Error error);
  void end_waiting();
  void tell_reached();

  const std::string id_;
  std::vector<Input> inputs_;
  Sources& sources_;
  Sink* const sink_;
  const TaskOptions options_;
  size_t max_rows_;      // rows per step: max_rows_per_step, or fewer because of max_cells_per_step
  size_t rows_at_once_;  // rows that the next step takes
  const SharedProperties properties_;
  Random random_;
  EvalBudget budget_;
  Slice slice_;
  std::unique_ptr<EvalContext> eval_;
  std::unique_ptr<Log> log_;
  OutputSequences sequences_;
  std::unique_ptr<TaskContext> context_;
  std::unique_ptr<Stage> stage_;
  std::unique_ptr<InputHeads> heads_;
  std::deque<Run> runs_;  // taken and not begun
  size_t bytes_of_rest_ = 0;
  size_t prefetched_runs_ = 0;
  // Input of the last run that was begun: the rest of the stage consists of its records.
  uint32_t current_stage_input_ = 0;

  TaskEpoch epoch_;
  TaskSequence sequence_{0}, durable_{0};
  CommitId durable_as_of_;
  int in_flight_ = 0;
  bool waits_for_answer_ = false;
  std::optional<TaskCommit> unsent_;  // a commit for which the log had no room
  std::vector<int64_t> last_scalars_;
  std::vector<StoreSize> last_sizes_;  // of all stores, as of the last commit
  std::string last_error_;             // as of the last commit
  bool is_open_ = false;               // stores are read from checkpoints as they are needed
  std::vector<Offset> committed_;      // positions of the last commit, by input
  std::vector<Offset> durable_positions_;
  std::deque<std::vector<Offset>> begun_positions_;  // positions of the commits after last_durable()
  bool has_worked_ = false;                          // since the last commit
  bool has_looked_ = true;                           // has polled its inputs in the last step that worked
  bool bootstrapped_ = true;
  int64_t shown_revision_ =
      0;  // revision with which the rows in the topic are computed; part of the position
  std::optional<TableScan> shown_again_;  // set while rows are written once more
  uint64_t rows_shown_again_ = 0;
  uint64_t rows_taken_ = 0;      // since the task was made
  uint64_t records_begun_ = 0;   // including former runs
  size_t rows_of_run_ = 0;       // rows of the last run that was begun
  InputHeads::Place failed_at_;  // first record of the current micro-batch
  std::vector<Waiting> waiting_;
  // Callbacks whose wait is over, with their status; called after the step, because they may read the tables.
  std::vector<std::pair<std::function<void(Status)>, Status>> reached_;
  bool is_stepping_ = false;
  std::optional<TaskFailure> failure_;
  std::shared_ptr<ReadGate> gate_;  // null: no other thread reads
  TaskMetrics metrics_;
  std::function<void()> answered_;
  std::shared_ptr<bool> alive_ =
      std::make_shared<bool>(true);  // commits may be answered after the task is gone
};

}  // namespace engine
