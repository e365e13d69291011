// One step of a running query: takes batches, gives batches to the next.
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

// What went wrong with single records while the query went on, and what an operator should know.
class ProcessingLog {
 public:
  virtual ~ProcessingLog() = default;
  // `offset` of the source record, in the partition that the task reads; -1 where it is not known.
  virtual void record_failed(std::string_view message, int32_t partition, int64_t offset) = 0;
  // `count` records, the first of them at this place, came after a window of theirs had closed. At
  // most once a batch.
  virtual void records_late(uint64_t count, std::string_view message, int32_t partition,
                            int64_t offset) = 0;
  // `count` windows went out of the table, because their time to be read is over.
  virtual void windows_expired(uint64_t count) = 0;
  // Likewise of records whose time lies too far ahead to move stream time.
  virtual void records_ahead(uint64_t count, std::string_view message, int32_t partition,
                             int64_t offset) = 0;
  // `count` results, the first of them of the record at this place, are not what they should be. The
  // records count as processed.
  virtual void results_lost(uint64_t count, std::string_view message, int32_t partition,
                            int64_t offset) = 0;
};

// The record that holds the greatest event time which an operator has seen.
struct StreamTime {
  int64_t timestamp = -1;  // -1: none yet
  int32_t partition = 0;   // of the task's input
  int64_t offset = -1;
  bool operator==(const StreamTime&) const = default;

  // True when that moves it.
  bool note(int64_t record_timestamp, int32_t record_partition, int64_t record_offset) {
    if (record_timestamp <= timestamp) return false;
    *this = {record_timestamp, record_partition, record_offset};
    return true;
  }
};

// What all operators of a task share.
struct TaskContext {
  const EvalContext& eval;
  EvalBudget& budget;  // of `eval`; each evaluation begins it
  Slice& slice;
  ProcessingLog& log;
  // Whether the output may keep only the newest of several updates of a key in one micro-batch.
  bool merge_updates = true;
  OutputSequences* sequences = nullptr;   // null: batches carry none
  const SchemaLookup* schemas = nullptr;  // that records name; null: there are none
  // Runs on another thread what would be in others' way, and then has the task stepped. Empty: there is
  // none, and all is done on the task's own thread.
  std::function<void(std::function<void()> work)> run_aside = {};

  // One line for each failed row that has a message.
  void report(const RowErrors& errors, const Batch& batch) const;
  // The same of the rows that are there. A deleted row has nulls that no expression was meant for;
  // and what fails in the old version of a row was told when that was the new one.
  void report_present(const RowErrors& errors, const Batch& batch) const;
};

// A scan of a table, as it was when it began.
struct TableScan {
  enum class Order : uint8_t { None, ByKey };

  StoreScanPtr entries;       // null before it begins
  int64_t stream_time = 0;    // when it began: it says which windows are shown
  Order order = Order::None;  // ByKey: of the rows of a step, as those of rows_under() come
};

// What a condition says of windows. Those that it is true for are within, and maybe others.
struct WindowBounds {
  int64_t first_start = INT64_MIN, last_start = INT64_MAX;
  int64_t first_end = INT64_MIN, last_end = INT64_MAX;
  bool operator==(const WindowBounds&) const = default;
};

// A look-up of keys, and where it stands. It may rest between its steps while the table goes on: each key is shown
// with all its windows as they were when the look-up came to it; only those that expire meanwhile may be missing.
struct TableLookUp {
  std::span<const std::string>
      keys;  // serialized; that have not been looked for, or not to the end
  WindowBounds windows = {};

  // Of the first of the keys:
  StoreScanPtr entries = {};  // null where the look-up has not begun with it
  int64_t stream_time = 0;    // when it did: it says which windows are shown
};

// What an operator keeps that is a table, as look-ups and scans read it. Rows come in the operator's
// output layout.
//
// Threads: the task's.
class Materialized {
 public:
  virtual ~Materialized() = default;
  // The next rows of a look-up, in the order of the key bytes, windows of one key by their start. Keys that are
  // not there give none. It stops where many entries had to be fetched or the rows are large, and is at its end when
  // no keys are left. Fails with ObjectState when it cannot go on.
  // `as_of` becomes the task's last commit that has a part in the answer; it may still be to come.
  virtual Result<Batch> rows_under(TableLookUp& look_up, TaskSequence& as_of) = 0;
  // Of all rows as they are now. It may rest between its steps while the table goes on.
  virtual TableScan begin_scan() = 0;
  // The next rows of a scan out of about `entries` entries, fewer where they are large; where they are to be in
  // order, of some times as many. Fails with ObjectState when it cannot go on.
  virtual Result<Batch> next_rows(TableScan& scan, size_t entries, bool& is_last) = 0;

 protected:
  static int steps_of(const TableScan& scan) {
    // What is shown in order is a small table, whole if possible: each of the three parts of a scan (StoreScan::Part) has
    // a step that finds its end, and one more for what its bytes divide.
    constexpr int kStepsInOrder = 6;
    return scan.order == TableScan::Order::ByKey ? kStepsInOrder : 1;
  }
};

// The chain of a stage is stepped from its input: process() does what follows from a batch and pushes
// the results on. An operator may stop in the middle, where the slice is spent or where the next one
// has stopped; then it has a rest, everything before it waits, and resume() goes on, from the end of
// the chain to its front.
//
//   input ──► filter ──► aggregate ──► having ──► output
//     rows 7..9 left       row 5, window 120 of 3,600     (a commit holds what came out up to here)
//
// A task may commit in between. Records that are not done are then read again after a restart; an
// operator that makes many rows of one record therefore keeps its place in its scalars: which record,
// and how much of it is done. Nothing is done twice.
//
// Threads: belongs to one task. Owner: the task's chain of operators.
class Operator {
 public:
  explicit Operator(TaskContext& context) : context_(context) {}
  virtual ~Operator() = default;

  // Takes a batch at one of its ports (joins have two) and pushes what follows from it. Only while
  // it has no rest. An error ends the task.
  virtual Status process(Batch batch, size_t port) = 0;

  // --- Stopping in the middle
  virtual bool has_rest() const { return false; }
  // Goes on with the rest, if the slice and the next operators let it.
  virtual Status resume() { return {}; }
  // The row that another thread works on, without which the rest does not go on; null: there is none.
  virtual const SlowRow* awaited() const { return nullptr; }
  // Calls `visit` with partition and offset of each source record that is not done, in their order.
  using VisitRecord = std::function<void(int32_t partition, int64_t offset)>;
  virtual void visit_rest(const VisitRecord&) const {}
  // Copies what the rest has of bytes that the log is about to take back.
  virtual void own_rest() {}
  // Whether a commit must wait until everything behind this operator is done: what it has changed, or
  // noted as done, would be journalled, and what follows from that would be lost at a restart.
  virtual bool holds_commits_back() const { return false; }
  // Drops some of what it remembers in vain; true when there is more of it.
  virtual bool tidy() { return false; }

  // Numbers that are part of the task's position (stream time). `restore_scalars` consumes its own
  // from the front, as far as there are any.
  virtual void append_scalars(std::vector<int64_t>&) const {}
  virtual void restore_scalars(std::span<const int64_t>&) {}
  // The newest event time that it has seen; null where it does not look.
  virtual const StreamTime* stream_time() const { return nullptr; }

  // Null where it keeps no table.
  virtual Materialized* materialized() { return nullptr; }

  // Of an operator that keeps a table: between these what comes only fills it; at the end all its rows are pushed
  // as inserts. So a push query on a table shows first what there is.
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
  // Whether something behind this operator has a rest: nothing may be pushed.
  bool is_blocked() const { return next_ != nullptr && (next_->has_rest() || next_->is_blocked()); }
  bool may_go_on() const { return !is_blocked() && !context_.slice.is_spent(); }
  TaskContext& context() const { return context_; }

 private:
  TaskContext& context_;
  Operator* next_ = nullptr;
  size_t next_port_ = 0;
};

}  // namespace engine
