// One step of a running query: takes batches and passes its output to the next step.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "engine/exec/output_sequences.h"
#include "engine/exec/slice.h"
#include "engine/expr/program.h"
#include "engine/formats/schema/schema_text.h"
#include "engine/functions/kernel.h"
#include "engine/state/store.h"
#include "engine/types/batch.h"

namespace engine {

class SlowRow;  // engine/exec/slow_row.h

// Sink for problems with single records that do not stop the query.
class ProcessingLog {
 public:
  virtual ~ProcessingLog() = default;
  // `offset` of the source record, in the partition that the task reads; -1: unknown.
  virtual void record_failed(std::string_view message, int32_t partition, int64_t offset) = 0;
  // `count` records, the first of them at this place, arrived after one of their windows had closed. Called at most
  // once per batch.
  virtual void records_late(uint64_t count, std::string_view message, int32_t partition,
                            int64_t offset) = 0;
  // `count` windows were removed from the table, because their retention is over.
  virtual void windows_expired(uint64_t count) = 0;
  // `count` records, the first of them at this place, have a time too far ahead to move stream time. Called at most
  // once per batch.
  virtual void records_ahead(uint64_t count, std::string_view message, int32_t partition,
                             int64_t offset) = 0;
  // `count` results are incomplete; the first of them belongs to the record at this place. The records count as
  // processed.
  virtual void results_lost(uint64_t count, std::string_view message, int32_t partition,
                            int64_t offset) = 0;
};

// The record with the greatest event time that an operator has seen.
struct StreamTime {
  int64_t timestamp = -1;  // -1: none yet
  int32_t partition = 0;   // of the task's input
  int64_t offset = -1;
  bool operator==(const StreamTime&) const = default;

  // Returns true if the record moves stream time.
  bool note(int64_t record_timestamp, int32_t record_partition, int64_t record_offset) {
    if (record_timestamp <= timestamp) return false;
    *this = {record_timestamp, record_partition, record_offset};
    return true;
  }
};

// Context shared by all operators of a task.
struct TaskContext {
  const EvalContext& eval;
  EvalBudget& budget;  // budget of `eval`; each evaluation starts it again
  Slice& slice;
  ProcessingLog& log;
  // Whether the output may keep only the newest of several updates of a key in one micro-batch.
  bool merge_updates = true;
  OutputSequences* sequences = nullptr;   // null: output batches carry no sequences
  const SchemaLookup* schemas = nullptr;  // schemas that records refer to; null: none
  // Runs work on another thread that would delay other tasks, then has this task stepped. Empty: no such thread exists,
  // and the work runs on the task's own thread.
  std::function<void(std::function<void()> work)> run_aside = {};

  // Logs one line for each failed row that has a message.
  void report(const RowErrors& errors, const Batch& batch) const;
  // Reports the failures of present rows only. A deleted row has nulls that no expression was written for, and a
  // failure in the old version of a row was reported when that version was new.
  void report_present(const RowErrors& errors, const Batch& batch) const;
};

// A scan of a table as of the time when the scan began.
struct TableScan {
  enum class Order : uint8_t { None, ByKey };

  StoreScanPtr entries;       // null before it begins
  int64_t stream_time = 0;    // stream time at its begin: decides which windows are shown
  Order order = Order::None;  // ByKey: the rows of each step are sorted, as in rows_under()
};

// Window bounds derived from a condition. All windows that satisfy the condition are within them; others may be too.
struct WindowBounds {
  int64_t first_start = INT64_MIN, last_start = INT64_MAX;
  int64_t first_end = INT64_MIN, last_end = INT64_MAX;
  bool operator==(const WindowBounds&) const = default;
};

// A look-up of keys and its progress. It may pause between steps while the table changes: each key is shown with all
// its windows as of the time when the look-up reached the key; only windows that expire meanwhile may be missing.
struct TableLookUp {
  std::span<const std::string>
      keys;  // serialized; keys that are not looked up yet, or not completely
  WindowBounds windows = {};

  // State of the first of the keys:
  StoreScanPtr entries = {};  // null: the look-up of this key has not begun
  int64_t stream_time = 0;    // stream time at its begin: decides which windows are shown
};

// A table that an operator keeps, as look-ups and scans read it. Rows are in the operator's output layout.
//
// Threads: the task's.
class Materialized {
 public:
  virtual ~Materialized() = default;
  // Returns the next rows of a look-up, in the order of the key bytes; windows of one key are ordered by their start.
  // Keys without a row give none. A step ends early if many entries had to be fetched or the rows are large; the
  // look-up ends when no keys are left. Fails with ObjectState if it cannot go on. Sets `as_of` to the task's newest
  // commit that the answer depends on; that commit may not be finished yet.
  virtual Result<Batch> rows_under(TableLookUp& look_up, TaskSequence& as_of) = 0;
  // Begins a scan of all rows as they are now. It may pause between steps while the table changes.
  virtual TableScan begin_scan() = 0;
  // Returns the next rows of a scan, from about `entries` entries, fewer if the rows are large, and several times as
  // many for a scan in key order. Fails with ObjectState if it cannot go on.
  virtual Result<Batch> next_rows(TableScan& scan, size_t entries, bool& is_last) = 0;

 protected:
  static int steps_of(const TableScan& scan) {
    // A scan in key order is of a small table, and returns it in one step if possible: each of the three parts of a
    // scan (StoreScan::Part) needs a step that finds its end, and one more if the byte limit divides it.
    constexpr int kStepsInOrder = 6;
    return scan.order == TableScan::Order::ByKey ? kStepsInOrder : 1;
  }
};

// The chain of a stage is stepped from its input: process() computes the output of a batch and pushes it on. An
// operator may stop in the middle of a batch, when the slice is spent or the next operator has stopped. It then has a
// rest, everything before it waits, and resume() continues, from the end of the chain to its front.
//
//   input ──► filter ──► aggregate ──► having ──► output
//     rows 7..9 left       row 5, window 120 of 3,600     (a commit holds the output up to here)
//
// A task may commit while a rest exists. Unfinished records are then read again after a restart; an operator that makes
// many rows from one record therefore keeps its place in its scalars: which record, and how much of it is finished. No
// output is written twice.
//
// Threads: belongs to one task. Owner: the task's chain of operators.
class Operator {
 public:
  explicit Operator(TaskContext& context) : context_(context) {}
  virtual ~Operator() = default;

  // Takes a batch at one of its ports (joins have two) and pushes the output. Call only if has_rest() is false. An
  // error ends the task.
  virtual Status process(Batch batch, size_t port) = 0;

  // --- Stopping in the middle
  virtual bool has_rest() const { return false; }
  // Continues with the rest, as far as the slice and the next operators allow.
  virtual Status resume() { return {}; }
  // The row that another thread works on and that the rest waits for; null: none.
  virtual const SlowRow* awaited() const { return nullptr; }
  // Calls `visit` with partition and offset of each unfinished source record, in order.
  using VisitRecord = std::function<void(int32_t partition, int64_t offset)>;
  virtual void visit_rest(const VisitRecord&) const {}
  // Copies the parts of the rest that are views into bytes that the log is about to release.
  virtual void own_rest() {}
  // Returns whether a commit must wait until everything behind this operator is finished. Otherwise its changes, and
  // the records that it counts as finished, would be journalled, and their output would be lost at a restart.
  virtual bool holds_commits_back() const { return false; }
  // Drops some remembered state that is no longer needed; returns true if more remains.
  virtual bool tidy() { return false; }

  // Numbers that are part of the task's position, such as stream time. `restore_scalars` consumes this operator's own
  // numbers from the front; there may be fewer.
  virtual void append_scalars(std::vector<int64_t>&) const {}
  virtual void restore_scalars(std::span<const int64_t>&) {}
  // The newest event time seen; null if the operator does not track it.
  virtual const StreamTime* stream_time() const { return nullptr; }

  // Null if the operator keeps no table.
  virtual Materialized* materialized() { return nullptr; }

  // For operators that keep a table: input between these two calls only fills the table; at the end all its rows are
  // pushed as inserts. A push query on a table thus shows the existing rows first.
  virtual void begin_bootstrap() {}
  virtual Status end_bootstrap() { return {}; }

  void feed(Operator* next, size_t port) {
    next_ = next;
    next_port_ = port;
  }

 protected:
  Status push(Batch batch) {
    return batch.rows == 0 ? Status{} : next_->process(std::move(batch), next_port_);
  }
  // Returns whether an operator behind this one has a rest: nothing may be pushed then.
  bool is_blocked() const { return next_ != nullptr && (next_->has_rest() || next_->is_blocked()); }
  bool may_go_on() const { return !is_blocked() && !context_.slice.is_spent(); }
  TaskContext& context() const { return context_; }

 private:
  TaskContext& context_;
  Operator* next_ = nullptr;
  size_t next_port_ = 0;
};

}  // namespace engine
