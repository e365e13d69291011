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

class SlowRow;     // engine/exec/slow_row.h
class ViewRunner;  // engine/exec/view_runner.h

// Receives problems with single records that do not stop the query.
class ProcessingLog {
 public:
  virtual ~ProcessingLog() = default;
  // Reports a failed record. `offset` is that of the source record in the partition that the task reads; -1: unknown.
  virtual void record_failed(const Error& error, int32_t partition, int64_t offset) = 0;
  // Reports `count` more failures in records of the batch that are not logged one by one.
  // `are_nulls`: for all of the failures that were reported before, is_null_failure() was true.
  virtual void more_records_failed(uint64_t count, bool are_nulls) = 0;
  // Reports `count` records that arrived after one of their windows had closed. `partition` and `offset` are those of
  // the first of them. Called at most once per batch.
  virtual void records_late(uint64_t count, std::string_view message, int32_t partition,
                            int64_t offset) = 0;
  // Reports `count` windows that were removed from the table because their retention is over.
  virtual void windows_expired(uint64_t count) = 0;
  // Reports `count` records whose time is too far ahead to move stream time. `partition` and `offset` are those of
  // the first of them. Called at most once per batch.
  virtual void records_ahead(uint64_t count, std::string_view message, int32_t partition,
                             int64_t offset) = 0;
  // Reports `count` incomplete results. The first of them belongs to the record at `partition` and `offset`. The
  // records count as processed.
  virtual void results_lost(uint64_t count, std::string_view message, int32_t partition,
                            int64_t offset) = 0;
};

// The record with the greatest event time that an operator has seen.
struct StreamTime {
  int64_t timestamp = -1;  // -1: no record was seen yet
  int32_t partition = 0;   // partition of the task's input that has the record
  int64_t offset = -1;
  bool operator==(const StreamTime&) const = default;

  // Sets stream time to the record's time if that is later; returns whether it was.
  bool note(int64_t record_timestamp, int32_t record_partition, int64_t record_offset) {
    if (record_timestamp <= timestamp) return false;
    *this = {record_timestamp, record_partition, record_offset};
    return true;
  }
};

// Context shared by all operators of a task.
struct TaskContext {
  const EvalContext& eval;
  EvalBudget& budget;  // budget of `eval`, restarted by each evaluation
  Slice& slice;
  ProcessingLog& log;
  // Whether the output may keep only the newest of several updates of a key in one micro-batch.
  bool merge_updates = true;
  OutputSequences* sequences = nullptr;   // null: output batches carry no sequences
  const SchemaLookup* schemas = nullptr;  // schemas that records refer to; null: none
  // Runs `work` on another thread, and steps this task afterwards. It is used for work that would
  // delay the other tasks of this thread. If it is empty, no such thread exists and the work runs
  // on the task's own thread.
  std::function<void(std::function<void()> work)> run_aside = {};
  const ViewRunner* views =
      nullptr;  // runs the SELECTs of materialized views; null: no view is run

  // Logs one line for each failed row that has a message. Failed rows without a message are only
  // counted.
  void report(const RowErrors& errors, const Batch& batch) const;
  // Logs only failures of present rows. A deleted row consists of nulls, to which the expressions
  // were not meant to apply. A failure in the old version of a row was reported when that version
  // was new.
  void report_present(const RowErrors& errors, const Batch& batch) const;
};

// A scan of a table as of the time when the scan began.
struct TableScan {
  enum class Order : uint8_t { None, ByKey };

  StoreScanPtr entries;       // null before the scan begins
  int64_t stream_time = 0;    // stream time when the scan began; decides which windows are shown
  Order order = Order::None;  // with ByKey, the rows of each step are sorted, as in rows_under()
};

// Limits of window times that were derived from a condition. All windows that satisfy the condition
// are within the limits; some other windows may be, too.
struct WindowBounds {
  int64_t first_start = INT64_MIN, last_start = INT64_MAX;
  int64_t first_end = INT64_MIN, last_end = INT64_MAX;
  bool operator==(const WindowBounds&) const = default;
};

// A look-up of several keys, and its progress. The look-up works in steps, and the table may change between two steps.
// So two keys may show the table at different times; one key is always shown with all of its windows at one time. Only
// windows that have expired by then may be missing.
struct TableLookUp {
  std::span<const std::string>
      keys;  // serialized; keys that are not looked up yet, or not completely
  WindowBounds windows = {};

  // State of the look-up of the first key:
  StoreScanPtr entries = {};  // null: the look-up of this key has not begun
  int64_t stream_time = 0;    // stream time at its beginning; decides which windows are shown
};

// A table that an operator keeps in its store, as look-ups and scans of statements see it. Rows have the operator's
// output layout.
//
// Threads: the task's.
class Materialized {
 public:
  virtual ~Materialized() = default;
  // Returns the next rows of a look-up, in the order of the key bytes. The windows of one key are
  // ordered by their start. Keys without a row are left out. A step ends early if many entries had
  // to be fetched from disk, or if the rows are large. The look-up has ended when no keys are left.
  // Fails with ObjectState if the look-up cannot continue. Sets `as_of` to the task's newest commit
  // on which the answer depends; this commit may still be open.
  virtual Result<Batch> rows_under(TableLookUp& look_up, TaskSequence& as_of) = 0;
  // If the rows must not be shown at present, fails with the error that the reader gets.
  virtual Status readable() const { return {}; }
  // Begins a scan of all rows as they are now. The scan may be interrupted between two steps, and
  // the table may change meanwhile.
  virtual TableScan begin_scan() = 0;
  // Returns the next rows of a scan, from about `entries` entries of the store. A step covers fewer
  // entries if the rows are large, and several times as many in a scan in key order. Fails with
  // ObjectState if the scan cannot continue.
  virtual Result<Batch> next_rows(TableScan& scan, size_t entries, bool& is_last) = 0;

 protected:
  static int steps_of(const TableScan& scan) {
    // A scan in key order is used for small tables, and returns the table in one step if possible. Each of the three
    // parts of a scan (StoreScan::Part) needs a step that finds its end, and one more if the byte limit divides the
    // part.
    constexpr int kStepsInOrder = 6;
    return scan.order == TableScan::Order::ByKey ? kStepsInOrder : 1;
  }
};

// An operator takes batches from the operator before it, computes its output, and pushes the output
// to the next operator. It may stop in the middle of a batch, when the slice of time is used up or
// the next operator has stopped. The unfinished part is then called its rest, and all operators
// before it wait. resume() continues with the rests, from the last operator of the chain to the
// first.
//
//   input ──► filter ──► aggregate ──► having ──► output
//     rows 7..9 left       row 5, window 120 of 3,600     (a commit holds the output up to here)
//
// A task may commit while an operator has a rest. The unfinished records are then read again after
// a restart. So an operator that makes many rows from one record stores in its scalars how much of
// the record is finished. No output is written twice.
//
// Threads: belongs to one task. Owner: the task's chain of operators.
class Operator {
 public:
  explicit Operator(TaskContext& context) : context_(context) {}
  virtual ~Operator() = default;

  // Takes a batch at one of its ports (joins have two) and pushes the output. It may be called only
  // if has_rest() is false. An error ends the task.
  virtual Status process(Batch batch, size_t port) = 0;

  // --- Stopping in the middle
  virtual bool has_rest() const { return false; }
  // Continues with the rest (the unfinished part of the last batch) until it is finished, the slice of time is used up,
  // or the next operator has stopped.
  virtual Status resume() { return {}; }
  // If the rest waits for a row that another thread is evaluating, returns this row; otherwise
  // null.
  virtual const SlowRow* awaited() const { return nullptr; }
  // Calls `visit` with partition and offset of each unfinished source record, in order.
  using VisitRecord = std::function<void(int32_t partition, int64_t offset)>;
  virtual void visit_rest(const VisitRecord&) const {}
  // Copies those parts of the rest that refer to bytes of the log, because the log is about to
  // release them.
  virtual void own_rest() {}
  // Returns whether a commit must wait until all operators after this one have finished their
  // rests. Otherwise the commit would contain the changes of this operator but not all of their
  // output, and the output would be lost in a restart.
  virtual bool holds_commits_back() const { return false; }
  // Frees some state that is no longer needed. Returns true if more such state remains.
  virtual bool tidy() { return false; }

  // append_scalars() and restore_scalars() write and restore the operator's scalars: numbers that
  // are part of the task's position, such as stream time. restore_scalars() removes this operator's
  // numbers from the front of the span. If an older version wrote them, there may be fewer of them.
  virtual void append_scalars(std::vector<int64_t>&) const {}
  virtual void restore_scalars(std::span<const int64_t>&) {}
  // Returns the newest event time seen; null if the operator does not track it.
  virtual const StreamTime* stream_time() const { return nullptr; }

  // Returns the table that the operator keeps; null if it keeps none.
  virtual Materialized* materialized() { return nullptr; }

  // begin_bootstrap() and end_bootstrap() are called only for operators that keep a table. Between
  // the two calls, input only fills the table. end_bootstrap() then pushes all rows of the table as
  // inserts. In this way a push query on a table first shows the existing rows.
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
  // Returns whether an operator after this one has a rest. In this case nothing may be pushed.
  bool is_blocked() const { return next_ != nullptr && (next_->has_rest() || next_->is_blocked()); }
  bool may_go_on() const { return !is_blocked() && !context_.slice.is_spent(); }
  TaskContext& context() const { return context_; }

 private:
  TaskContext& context_;
  Operator* next_ = nullptr;
  size_t next_port_ = 0;
};

}  // namespace engine
