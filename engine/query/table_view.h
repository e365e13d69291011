// A task's part of a materialized table, as look-ups see it.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/exec/task.h"
#include "engine/expr/program.h"
#include "engine/plan/plan.h"

namespace engine {

// Rows come in the table's input_layout(). They reflect every record that the task has taken: who
// must not show what could still be lost waits for Task::when_durable() before showing them.
//
// Threads: the task's. Owner: whoever owns the task. A scan that rests between two slices keeps a
//          weak pointer: the task may be gone when it goes on.
class TableView {
 public:
  TableView(const MaterializationPlan& plan, Task& task);

  // The next rows of a look-up, in the order of the key bytes, windows of one key by their start; it is at its end
  // when no keys are left. Keys that are not there give none. All of it is durable when the task's commit `as_of`
  // is.
  Result<Batch> find(TableLookUp& look_up, const EvalContext& eval, TaskSequence& as_of);

  // For other threads, under the lock of the task's gate: the row of one key, or none, as it is durable. Nothing where the
  // task must be asked: it has failed, keeps a part of the table in checkpoints only, or waits for a commit. Of tables
  // without windows.
  Result<std::optional<Batch>> find_durable(const std::string& key) const;
  // What find_durable() gives becomes a row of the table; on any thread.
  Result<Batch> shape(Batch rows, const EvalContext& eval) const;

  // Some rows of a scan.
  struct Slice {
    Batch rows;
    bool is_last = false;
  };
  // Of the table as it is now. All of it is durable when the task's last_begun() is, as of now.
  TableScan begin_scan();
  // The next rows out of about `entries` entries of the table, fewer where they are large. The rows
  // of a small table come in one slice, in the order of find(); those of a larger one in no
  // particular order. Each is as it was when the scan began; only windows that expire meanwhile may be
  // missing.
  Result<Slice> next_rows(TableScan& scan, size_t entries, const EvalContext& eval);

  // The commit of the log that made the last of its changes durable; 0 when this run has made none. Those
  // that are on their way come later.
  CommitId durable_as_of() const { return task_.durable_as_of(); }

  Task& task() { return task_; }
  size_t size() const { return store().size(); }

 private:
  const Store& store() const { return *task_.stage().stores()[static_cast<size_t>(plan_.store)]; }
  bool is_small() const;
  Materialized& table() const { return task_.stage().table_of(plan_.store); }

  const MaterializationPlan plan_;
  Task& task_;
  std::optional<Program> filter_;
  Program columns_;
};

}  // namespace engine
