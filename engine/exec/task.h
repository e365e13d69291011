// A task is one running piece of a query, identified by (query, stage, partition). It takes
// records, runs its operators, and writes all changes of a micro-batch to the log in one task
// commit.
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
  // tests set 1, to check that the size of batches does not change results
  size_t max_rows_per_step = 4096;
  // A step takes fewer rows if they have many columns. Records are decoded in one piece, and the
  // time depends on the number of cells: a record with thousands of columns may have few bytes. The
  // limit is about ten milliseconds of work.
  size_t max_cells_per_step = 32 * 1024;
  // The first `careful_rows` rows are taken one at a time. This is set after a failure, so that all
  // records before the one that fails are processed and committed.
  uint64_t careful_rows = 0;
  size_t max_bytes_per_step = 512 * 1024;  // bytes of input; about two milliseconds of work
  SliceLimits slice = {};
  int max_commits_in_flight = 4;
  bool merge_updates = true;
  bool is_transient = false;  // the task keeps no journal and never commits
  // Returns whether the records of a topic have the time of their append (message.timestamp.type =
  // LogAppendTime). It is called on the task's thread for each batch. If it is empty, no topic has
  // append times.
  std::function<bool(const Uuid& topic)> has_append_time = {};
  // Schemas that records refer to; must outlive the task. Null: records refer to none.
  const SchemaLookup* schemas = nullptr;
  // The partition of the processing log (engine/exec/processing_log.h). Its lines are written with
  // the commit of their micro-batch. Nothing: failed records are only reported in the server's own
  // log.
  std::optional<PartitionRef> processing_log = {};
  // Set if the query of the table was replaced. The task then writes all rows of the table once
  // more, as computed by the plan of `revision`, unless a commit has already recorded this
  // revision.
  struct ShowAgain {
    int store = 0;     // store that keeps the rows
    size_t width = 0;  // number of columns in the layout of the store's operator
    int64_t revision = 0;
  };
  std::optional<ShowAgain> show_again = {};
  const ViewRunner* views =
      nullptr;  // set for the task of a materialized view; must outlive the task
};

// The end of an input. It is used by queries that end, and by push queries that first show the rows
// of a table.
struct InputLimit {
  Offset bootstrap_end{0};  // earlier records only fill the table (transient queries on tables)
  std::optional<Offset> stop_at;  // records from here on are not taken
};

// Properties of the session that defined a query; shared by all its tasks.
using SharedProperties = std::shared_ptr<const Properties>;

enum class StepResult {
  Idle,      // no work until a partition grows or a commit is answered
  More,      // the task has further work: call step() again
  Finished,  // all inputs have reached their stop offset
  Failed,    // the task has failed, see failure(); the owner builds a new task and restores it
};

struct TaskFailure {
  Error error;
  PartitionRef partition;  // partition of the failed record
  Offset offset;           // the first record of the micro-batch that failed
};

// Metrics that SHOW QUERIES reports. The counts and the last error are part of the task's stored
// position, so they survive a restart.
struct TaskMetrics {
  uint64_t records_in = 0, records_failed = 0;
  // The number of failed records that could not be read, counted since the task was made, and a
  // text about the first one.
  uint64_t records_unreadable = 0;
  std::string first_unreadable;  // "partition 0, offset 3: ..."
  // The number of failed records with a failed expression, counted since the task was made, and the
  // first failure. Failures for which is_null_failure() is true are not included.
  uint64_t values_failed = 0;
  struct FailedValue {
    Error error;
    int32_t partition = 0;
    int64_t offset = 0;
  };
  std::optional<FailedValue> first_failed_value;
  uint64_t records_late = 0;     // records that arrived after one of their windows had closed
  uint64_t windows_expired = 0;  // windows removed from the table
  uint64_t records_ahead = 0;    // records too far ahead to move stream time
  std::string last_error;
  int64_t records_per_second = 0;  // set by the owner, which has a clock
  // The last record that has moved stream time. It is set only for tasks that read topics: a task
  // that reads an exchange knows only the position of a record in the exchange.
  StreamTime stream_time;
};

// Invariants:
//   1. Commits have consecutive sequence numbers, and each commit is complete: it has the state,
//      positions and outputs of whole records. If a record is finished only in part, the commit has
//      this part, and its scalars state how far the record is finished.
//   2. After a refused commit, or a failure in the middle of a micro-batch, no further commit is made.
//      The state in memory is then ahead of the durable state, so the owner builds a new task from the
//      checkpoint and the journal.
//   3. No records are taken while records that were taken before are not finished.
//
// Threads: belongs to the loop that steps it. The answers to its commits arrive on this loop, too.
// Owner:   the node's query, the test runner, or a session (transient tasks).
class Task {
 public:
  struct Input {
    uint32_t input;  // index of the stage's input
    PartitionRef partition;
    Offset next;  // first record to take, unless a position is restored
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

  // --- Restoring, before the first step. First, open_stores() sets the object from which stores
  // read their checkpoints (stores that stay in memory have none). Then all durable state is
  // restored in order. Last, resume_after() sets the epoch, sequence and producer with which the
  // task continues.
  using FindBacking = std::function<Backing&(uint32_t store)>;
  void open_stores(const FindBacking& find_backing);
  void begin_restore(const JournalEntry& checkpoint);  // restores the position
  // Returns whether the checkpoint's entries of this store must be passed to restore(), too.
  bool loads(uint32_t store) const;
  // Restores an entry. `commit` is the sequence of the entry, or 0 for state from a checkpoint.
  Status restore(const JournalEntry& entry, TaskSequence commit);
  // Ends the restoring. Fails with CorruptRecord if a store does not have the recorded number of entries.
  Status resume_after(TaskEpoch epoch, TaskSequence last_sequence,
                      ProducerId producer = records::kNoProducer);

  // --- Following a task that another node runs. Applies that task's next commit, which was part of
  // the log commit `as_of`. This task is never stepped, its stores are completely in memory, and no
  // scan of them is in progress. Fails with CorruptRecord if a commit is missing.
  Status follow(const JournalEntry& entry, TaskSequence commit, CommitId as_of);

  // Shares decoding with other tasks that read the same records. `records` must outlive the task.
  void share(SharedRecords& records) { heads_->share(records); }

  // Sets the function that runs `work` on another thread, and then `done` on the task's loop. The task may no longer
  // exist when `done` runs. Call before the first step.
  using RunAside = std::function<void(std::function<void()> work, std::function<void()> done)>;
  void run_aside_by(RunAside run_aside);

  // From now on, other threads may read the task's tables while they hold the lock of `gate`. Call
  // it before the first step.
  void admit_readers(std::shared_ptr<ReadGate> gate) { gate_ = std::move(gate); }
  ReadGate* gate() const { return gate_.get(); }

  // Intake::None: the task takes no records and only finishes work that it has begun.
  enum class Intake : uint8_t { Records, None };
  // Runs one slice of work: on the unfinished records, or on the next ones.
  StepResult step(Intake intake = Intake::Records);
  // Fails the task with an error that its owner has found, for example that its checkpoint was lost.
  void give_up(Error why);
  // shows_again() returns whether rows of a replaced table still have to be written once more;
  // rows_shown_again() returns how many were.
  bool shows_again() const {
    return options_.show_again && shown_revision_ < options_.show_again->revision;
  }
  uint64_t rows_shown_again() const { return rows_shown_again_; }
  // --- The task of a materialized view reads its inputs up to a cut: a list of offsets, one for each input, which were
  // the ends of the inputs in one poll. When it has reached them, it computes the view. Records after the cut are read
  // later.

  // Returns whether all records before visible_position() are contained in the rows of the view. A
  // view shows nothing until it has been computed once since the task started. For other tasks the
  // result is always true.
  bool has_published() const { return !stage_->view() || !visible_.empty(); }
  // Returns the position before which all records have changed the task's table. These changes are
  // durable when last_begun() is. Call it only if has_published() is true.
  Offset visible_position(size_t input) const {
    return stage_->view() ? visible_[input] : inputs_[input].next;
  }
  // Returns whether the effects of all records before this position are durable.
  bool shows_durably(size_t input, Offset end) const {
    if (!stage_->view()) return durable_positions_[input] >= end;
    return !durable_visible_.empty() && durable_visible_[input] >= end;
  }
  // Returns the monotonic time at which the task must be stepped again even if no record arrives.
  std::optional<int64_t> wakes_at_us() const;

  // Returns whether the task has done work that is not in a commit yet, or in a commit that the log
  // has not accepted yet.
  bool has_unfinished() const { return unsent_ || has_rest() || has_worked_; }
  // Returns whether all finished work is in a commit, which may not be durable yet. Returns false
  // while a view publishes its changes, which may take several commits.
  bool is_between_commits() const { return !has_worked_ && !stage_->is_publishing(); }
  // Returns whether the last step ended because too many commits are in flight, or because another
  // thread is evaluating a row. The next step makes sense only when an answer has arrived.
  bool waits_for_answer() const { return waits_for_answer_; }
  // Returns whether the last step left records that wait for others: for the progress of the
  // writers of an exchange, or of the queries that write one of the task's topics.
  bool is_held_up() const { return heads_->is_held_up(); }
  // Returns the id of the query that the task waits for; empty if there is none.
  const std::string& awaited_query() const { return heads_->awaited_query(); }
  // Returns the reason why the next record waits; empty if no record waits. No event reports the
  // end of this wait, so the owner steps the task again after a while.
  const std::string& waits_for() const { return heads_->waits_for(); }
  // If all work waits for a row that another thread is evaluating, returns this row; otherwise
  // null.
  const SlowRow* slow_row() const { return stage_->awaited(); }
  // Calls `then` when all work done so far is durable, or with an error if it will not become
  // durable. If the work is durable already, calls `then` within this function.
  void when_durable(std::function<void(Status)> then) {
    when_durable(last_begun(), std::move(then));
  }
  // Calls back when all commits up to `commit` are durable. Does not wait for a commit that has not begun.
  void when_durable(TaskSequence commit, std::function<void(Status)> then);
  // Returns the sequence of the commit that contains all work so far. Work since the last commit belongs to the next
  // one.
  TaskSequence last_begun() const { return has_worked_ ? sequence_ + 1 : sequence_; }

  // Called when checkpoints contain all state up to this commit.
  void note_stored(TaskSequence commit);
  // Examines at most `max_entries` entries of each store, and removes from memory those that are
  // not needed at present and can be read from a checkpoint. Call it between steps. Returns the
  // number of removed entries.
  size_t evict(size_t max_entries);
  // Ends scans, the oldest first, until they hold `bytes` less memory, because other work needs the
  // memory more urgently. The caller frees the state of the returned scans.
  std::vector<StoreScanPtr> overtake_scans(size_t bytes = SIZE_MAX);

  const std::string& id() const { return id_; }
  const std::vector<Input>& inputs() const { return inputs_; }
  // Returns the position of each input after the last commit, which may not be durable yet.
  const std::vector<Offset>& committed() const { return committed_; }
  // Returns the position of each input after last_durable(). The output of the records before these positions is
  // visible to all readers.
  const std::vector<Offset>& durable_positions() const { return durable_positions_; }
  TaskEpoch epoch() const { return epoch_; }
  TaskSequence last_sequence() const { return sequence_; }
  TaskSequence last_durable() const { return durable_; }
  // Returns the commit of the log with which the task's commits up to last_durable() became durable; 0 until the first
  // commit after the start of the task is durable.
  CommitId durable_as_of() const { return durable_as_of_; }
  const std::optional<TaskFailure>& failure() const { return failure_; }
  // Returns whether rows are taken one at a time.
  bool is_careful() const { return rows_taken_ < options_.careful_rows; }
  const TaskMetrics& metrics() const { return metrics_; }
  uint64_t decoded_rows() const { return heads_->decoded_rows(); }
  // Returns the bytes of the records that were read and wait for the next step.
  size_t waiting_bytes() const {
    return heads_->owned_bytes() + (runs_.empty() ? 0 : bytes_of_rest_);
  }
  Stage& stage() { return *stage_; }
  // Sets the function that is called after each answer to a commit, and when another thread has finished its work. A
  // task that waits_for_answer() must then be stepped again.
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
  void draw_cut(std::span<const Polled> polled);
  void begin_at_cut();
  void end_cut();
  void show(TaskSequence durable);
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
  size_t max_rows_;      // limit of rows per step from max_rows_per_step and max_cells_per_step
  size_t rows_at_once_;  // limit of rows for the next step, adapted to its duration
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
  std::deque<Run> runs_;  // runs of rows that are taken but not begun
  size_t bytes_of_rest_ = 0;
  size_t prefetched_runs_ = 0;
  // Input of the last run that was begun. If the stage has a rest, it consists of records of this
  // input.
  uint32_t current_stage_input_ = 0;

  TaskEpoch epoch_;
  TaskSequence sequence_{0}, durable_{0};
  CommitId durable_as_of_;
  int in_flight_ = 0;
  bool waits_for_answer_ = false;
  std::optional<TaskCommit> unsent_;  // a commit that the full log has not accepted
  std::vector<int64_t> last_scalars_;
  std::vector<StoreSize> last_sizes_;  // sizes of all stores as of the last commit
  std::string last_error_;             // metrics_.last_error as of the last commit
  bool is_open_ = false;               // stores read entries from checkpoints when needed
  std::vector<Offset> committed_;      // positions of the last commit, by input
  std::vector<Offset> durable_positions_;
  std::deque<std::vector<Offset>> begun_positions_;  // positions of commits after last_durable()
  // Only for a view, with one offset for each input. cut_ has the end offsets of the inputs for which the view is being
  // computed (empty: none), visible_ those that the rows of the view show, and durable_visible_ the last ones that are
  // also durable.
  std::vector<Offset> cut_, visible_, durable_visible_;
  std::deque<std::pair<TaskSequence, std::vector<Offset>>> pending_visible_;
  bool has_worked_ = false;  // work was done since the last commit
  // false: a step has worked since the inputs were last polled, so they may have new records
  bool has_looked_ = true;
  bool bootstrapped_ = true;
  int64_t shown_revision_ =
      0;  // revision of the plan whose rows are in the topic; part of the position
  std::optional<TableScan> shown_again_;  // set while rows are written once more
  uint64_t rows_shown_again_ = 0;
  uint64_t rows_taken_ = 0;      // rows taken since the task was made
  uint64_t records_begun_ = 0;   // records whose processing has begun, also before a restart
  size_t rows_of_run_ = 0;       // rows of the last run that was begun
  InputHeads::Place failed_at_;  // first record of the current micro-batch
  std::vector<Waiting> waiting_;
  // Callbacks that are ready to be called, with their status. They are called after the step,
  // because they may read the tables.
  std::vector<std::pair<std::function<void(Status)>, Status>> reached_;
  bool is_stepping_ = false;
  std::optional<TaskFailure> failure_;
  std::shared_ptr<ReadGate> gate_;  // null: no other thread reads
  TaskMetrics metrics_;
  std::function<void()> answered_;
  std::shared_ptr<bool> alive_ =
      std::make_shared<bool>(true);  // false: the task is gone, but commits may still be answered
};

}  // namespace engine
