// The part of a materialized table that one task keeps, for look-ups and scans.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/exec/task.h"
#include "engine/expr/program.h"
#include "engine/plan/plan.h"

namespace engine {

// Reads the table's rows, in its input_layout(). The rows show the effects of every record that the
// task has taken. The commit that contains the effects of the newest records may still be lost in a
// crash. A reader that must not show such effects first waits for Task::when_durable().
//
// Threads: the task's. Owner: the owner of the task. A scan that pauses between two slices keeps a weak pointer,
// since the task may be gone when the scan continues.
class TableView {
 public:
  TableView(const MaterializationPlan& plan, Task& task);

  // Returns the next rows of a look-up, in the order of the key bytes. The windows of one key are
  // ordered by their start. Keys without a row are left out. The look-up has ended when no keys are
  // left. The rows are durable as soon as the task's commit `as_of` is durable.
  Result<Batch> find(TableLookUp& look_up, const EvalContext& eval, TaskSequence& as_of);

  // For another thread that holds the lock of the task's ReadGate: returns the durable row of one
  // key, or an empty batch if the key has none. Returns nullopt if the task itself must answer,
  // because the task has failed, keeps a part of the table only in checkpoints, or waits for a
  // commit. Only for tables without windows.
  Result<std::optional<Batch>> find_durable(const std::string& key) const;
  // Converts the result of find_durable() to rows of the table. May be called on any thread.
  Result<Batch> shape(Batch rows, const EvalContext& eval) const;

  // The rows of one step of a scan.
  struct Slice {
    Batch rows;
    bool is_last = false;
  };
  // Begins a scan of the table as it is now. The rows of the scan are durable as soon as the commit
  // is durable that the task's last_begun() returns at the time of this call.
  TableScan begin_scan();
  // Returns the next rows of a scan, from about `entries` entries of the table, or from fewer entries if the rows are
  // large. A small table is returned in one slice, in the order of find(); a larger one in no particular order. Each
  // row is as it was when the scan began. Only windows that expire in the meantime may be missing.
  Result<Slice> next_rows(TableScan& scan, size_t entries, const EvalContext& eval);

  // Returns the commit of the log that contains the newest durable change of the table. Returns 0
  // if no commit of the task has become durable since the task was started.
  CommitId durable_as_of() const { return task_.durable_as_of(); }

  // Fails with the error of a materialized view that cannot be computed.
  Status readable() const { return table().readable(); }

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
