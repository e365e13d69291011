// One running piece of a query: (query, stage, partition). It takes records, runs its operators,
// and hands everything that a micro-batch changed to the log as one task commit.
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
  size_t max_rows_per_step = 4096;  // 1 proves that batches change nothing
  // A step takes fewer rows if they have many columns. They are decoded in one piece, whose time goes by the cells: a record of
  // thousands of columns has few bytes of each. About ten milliseconds of work.
  size_t max_cells_per_step = 32 * 1024;
  // So many rows are taken one at a time: after a failure, so that everything before the bad record
  // is done and committed.
  uint64_t careful_rows = 0;
  size_t max_bytes_per_step = 512 * 1024;  // of input; about two milliseconds of work
  SliceLimits slice = {};
  int max_commits_in_flight = 4;
  bool merge_updates = true;
  bool is_transient = false;  // keeps no journal and never commits
  // Whether records of a topic have the time of their append (message.timestamp.type = LogAppendTime). Asked on the
  // task's thread, for each batch. Empty: none has.
  std::function<bool(const Uuid& topic)> has_append_time = {};
  // That records name; it outlives the task. None: no record may name one.
  const SchemaLookup* schemas = nullptr;
  // Where the lines about failed records go, in the commit of their micro-batch. None: they are
  // only in the server's own log.
  std::optional<PartitionRef> processing_log = {};
  // The rows of a replaced table are written once more, as they are computed since `revision`, unless a commit holds
  // that revision already.
  struct ShowAgain {
    int store = 0;     // that keeps the rows
    size_t width = 0;  // of the layout of its operator
    int64_t revision = 0;
  };
  std::optional<ShowAgain> show_again = {};
};

// How far a task may still go, for queries that end, or that first show what a table holds.
struct InputLimit {
  Offset bootstrap_end{0};  // records below it only fill the table (transient queries on tables)
  std::optional<Offset> stop_at;  // records from it on are not taken
};

// What the session that defined a query had set: one for all of its tasks.
using SharedProperties = std::shared_ptr<const Properties>;

enum class StepResult {
  Idle,      // nothing to do until a partition grows or a commit is answered
  More,      // call again
  Finished,  // all inputs have reached their stop
  Failed,    // see failure(); only restore() of a new task goes on from here
};

struct TaskFailure {
  Error error;
  PartitionRef partition;  // whose record it was
  Offset offset;           // the first record of the micro-batch that failed
};

// What SHOW QUERIES tells. Counts and the last error are part of the task's position: a restart does not lose
// them.
struct TaskMetrics {
  uint64_t records_in = 0, records_failed = 0;
  // The part of records_failed, since the task was made, that could not be read, and the first of these records.
  uint64_t records_unreadable = 0;
  std::string first_unreadable;  // "partition 0, offset 3: ..."
  uint64_t records_late = 0;     // that came after a window of theirs had closed
  uint64_t windows_expired = 0;  // windows that went out of the table
  uint64_t records_ahead = 0;    // whose time was too far ahead to move stream time
  std::string last_error;
  int64_t records_per_second = 0;  // set by the owner, who knows the time
  // The record that moved stream time last, of tasks that read topics: others know only where it
  // lies in an exchange.
  StreamTime stream_time;
};

// Invariants:
//   1. commits carry consecutive sequences, and each is complete: state, positions and outputs of
//      whole records, and of one record that is done in part what is done, with its place in the
//      scalars;
//   2. after a refused commit, or a failure in the middle of a micro-batch, nothing is committed any
//      more: memory is ahead of what is durable, and the owner builds the task anew from the
//      checkpoint and the journal;
//   3. no records are taken while some that were taken before are not done.
//
// Threads: belongs to the loop that steps it; commits answer there too.
// Owner:   the node's query, the test runner, or a session (transient ones).
class Task {
 public:
  struct Input {
    uint32_t input;  // of the stage
    PartitionRef partition;
    Offset next;  // where to begin, unless restored
    bool is_exchange = false;
    InputLimit limit = {};
    LaneWriterPtr writer = {};           // of a lane of a time-ordered exchange
    TopicWritersPtr topic_writers = {};  // of a topic whose rows are waited for
  };
  static Result<std::unique_ptr<Task>> make(std::string id, const StagePlan& plan,
                                            std::vector<Input> inputs, StageEnd end,
                                            Sources& sources, Sink* sink, const Clock& clock,
                                            uint64_t seed, SharedProperties properties,
                                            TaskOptions options);
  ~Task();
  // Ends the task, and leaves its operators with their state to be let go of in steps
  // (Stage::release_some).
  static std::unique_ptr<Stage> end(std::unique_ptr<Task> task) { return std::move(task->stage_); }

  // --- Before the first step: where stores find what checkpoints hold of them, unless they are to stay in
  // memory; everything that is durable, in order; under which epoch, after which sequence and as which
  // producer to go on.
  using FindBacking = std::function<Backing&(uint32_t store)>;
  void open_stores(const FindBacking& find_backing);
  void begin_restore(const JournalEntry& checkpoint);  // its position
  // Whether the entries that the checkpoint has of a store are to be restored, too.
  bool loads(uint32_t store) const;
  // `commit`: of the entry, or 0 for what is of a checkpoint.
  Status restore(const JournalEntry& entry, TaskSequence commit);
  // Fails with CorruptRecord when a store does not have as many entries as it should.
  Status resume_after(TaskEpoch epoch, TaskSequence last_sequence,
                      ProducerId producer = records::kNoProducer);

  // --- Of one that never steps, since another node runs it: the next of its commits, which is part of the log's commit
  // `as_of`. Its stores have no backing, and scans of them have ended. Fails with CorruptRecord where one is left out.
  Status follow(const JournalEntry& entry, TaskSequence commit, CommitId as_of);

  // Its loop's, which outlive it: records that other tasks read are decoded once.
  void share(SharedRecords& records) { heads_->share(records); }

  // Who runs work on another thread, and then `done` on the loop of the task, which may be gone by then. Before the
  // first step.
  using RunAside = std::function<void(std::function<void()> work, std::function<void()> done)>;
  void run_aside_by(RunAside run_aside);

  // From now on other threads read its tables, each time with the gate's lock. Before the first step.
  void admit_readers(std::shared_ptr<ReadGate> gate) { gate_ = std::move(gate); }
  ReadGate* gate() const { return gate_.get(); }

  // A task that takes no records finishes what it has begun.
  enum class Intake : uint8_t { Records, None };
  // One slice of work: what is left of the records at hand, or the next ones.
  StepResult step(Intake intake = Intake::Records);
  // Its owner cannot keep what it would commit: it fails.
  void give_up(Error why);
  // Whether rows of a replaced table are still to be written once more, and the number of those that were written.
  bool shows_again() const {
    return options_.show_again && shown_revision_ < options_.show_again->revision;
  }
  uint64_t rows_shown_again() const { return rows_shown_again_; }
  // Something was begun that is in no commit yet, or in one that could not be sent.
  bool has_unfinished() const { return unsent_ || has_rest() || has_worked_; }
  // All that was done is in a commit, which may be on its way.
  bool is_between_commits() const { return !has_worked_; }
  // The last step could do no more since too many commits are on their way, or since another thread works on a row:
  // there is something to do for the next one once an answer has come.
  bool waits_for_answer() const { return waits_for_answer_; }
  // The last step has left records that wait for the progress of the writers of its exchange, or of the queries that write
  // a topic which it reads.
  bool is_held_up() const { return heads_->is_held_up(); }
  // The id of such a query; empty when none is waited for.
  const std::string& awaited_query() const { return heads_->awaited_query(); }
  // What the next record waits for, which nothing tells when it comes: the task is to be stepped again in a while.
  // Empty: nothing.
  const std::string& waits_for() const { return heads_->waits_for(); }
  // The row that another thread works on, if that is what all else waits for.
  const SlowRow* slow_row() const { return stage_->awaited(); }
  // Calls `then` (at once, if nothing is on its way) when everything that the task did so far is
  // durable; with an error when that will not happen.
  void when_durable(std::function<void(Status)> then) {
    when_durable(last_begun(), std::move(then));
  }
  // The same of its commits up to this one. Those that have not begun are not waited for.
  void when_durable(TaskSequence commit, std::function<void(Status)> then);
  // What was done since the last commit goes with the next one.
  TaskSequence last_begun() const { return has_worked_ ? sequence_ + 1 : sequence_; }

  // Checkpoints contain everything up to this commit.
  void note_stored(TaskSequence commit);
  // Looks at so many entries of each store, and lets those go from memory that are not needed now. Between
  // steps. Returns how many have gone.
  size_t evict(size_t max_entries);
  // Memory is needed more than by scans: they end, or the oldest, until `bytes` less are kept for them. What these
  // have kept is for the caller to give back.
  std::vector<StoreScanPtr> overtake_scans(size_t bytes = SIZE_MAX);

  const std::string& id() const { return id_; }
  const std::vector<Input>& inputs() const { return inputs_; }
  // Where the last commit has left each of the inputs, durable or not yet.
  const std::vector<Offset>& committed() const { return committed_; }
  // The same of last_durable(): what is behind these can be seen by everybody.
  const std::vector<Offset>& durable_positions() const { return durable_positions_; }
  TaskEpoch epoch() const { return epoch_; }
  TaskSequence last_sequence() const { return sequence_; }
  TaskSequence last_durable() const { return durable_; }
  // The commit of the log that contains all up to last_durable(); 0 before the first one of this run.
  CommitId durable_as_of() const { return durable_as_of_; }
  const std::optional<TaskFailure>& failure() const { return failure_; }
  // Whether rows are taken one at a time.
  bool is_careful() const { return rows_taken_ < options_.careful_rows; }
  const TaskMetrics& metrics() const { return metrics_; }
  uint64_t decoded_rows() const { return heads_->decoded_rows(); }
  // Of records that were read and wait for the next step.
  size_t waiting_bytes() const {
    return heads_->owned_bytes() + (runs_.empty() ? 0 : bytes_of_rest_);
  }
  Stage& stage() { return *stage_; }
  // Called after each answer to a commit, and when another thread has done its work: a task that waits_for_answer() is to be stepped again.
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
  size_t max_rows_;      // of a step: max_rows_per_step, or what has max_cells_per_step
  size_t rows_at_once_;  // that a step takes
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
  std::deque<Run> runs_;  // taken, and not yet begun
  size_t bytes_of_rest_ = 0;
  size_t prefetched_runs_ = 0;
  // The input of the run that was begun last: whose records the stage's rest is of.
  uint32_t current_stage_input_ = 0;

  TaskEpoch epoch_;
  TaskSequence sequence_{0}, durable_{0};
  CommitId durable_as_of_;
  int in_flight_ = 0;
  bool waits_for_answer_ = false;
  std::optional<TaskCommit> unsent_;  // the log had no room for it
  std::vector<int64_t> last_scalars_;
  std::vector<StoreSize> last_sizes_;  // of all stores, as the last commit has them
  std::string last_error_;             // likewise
  bool is_open_ = false;               // stores are read from checkpoints as they are needed
  std::vector<Offset> committed_;      // the positions of the last commit, by input
  std::vector<Offset> durable_positions_;
  std::deque<std::vector<Offset>> begun_positions_;  // of the commits after last_durable()
  bool has_worked_ = false;                          // since the last commit
  bool has_looked_ = true;                           // at its inputs, in the last step that worked
  bool bootstrapped_ = true;
  int64_t shown_revision_ =
      0;  // as of which the rows in the topic are computed; part of the position
  std::optional<TableScan> shown_again_;  // while rows are written once more
  uint64_t rows_shown_again_ = 0;
  uint64_t rows_taken_ = 0;      // since the task was made
  uint64_t records_begun_ = 0;   // of all times
  size_t rows_of_run_ = 0;       // of the run that was begun last
  InputHeads::Place failed_at_;  // the first record of what is being processed
  std::vector<Waiting> waiting_;
  // Those who have waited, and what they are told: after the step, so that they may read.
  std::vector<std::pair<std::function<void(Status)>, Status>> reached_;
  bool is_stepping_ = false;
  std::optional<TaskFailure> failure_;
  std::shared_ptr<ReadGate> gate_;  // null: nobody else reads
  TaskMetrics metrics_;
  std::function<void()> answered_;
  std::shared_ptr<bool> alive_ =
      std::make_shared<bool>(true);  // answers to commits may come after the task is gone
};

}  // namespace engine
