// The part of a table that one task keeps, for look-ups of single rows by other threads.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/exec/read_gate.h"
#include "engine/query/table_view.h"

namespace engine {

// Finds a row only if it is durable and in memory. In all other cases the task's own thread must
// answer, because only that thread can wait for a commit, read a row from a checkpoint, or report a
// failure.
//
// Threads: any; the task's thread creates and closes the object. Owner: shared by the owner of the task and its
// readers.
class SharedTable {
 public:
  // Call before the task's first step. `plan` is the query plan from which the task was built.
  SharedTable(std::shared_ptr<const QueryPlan> plan, int32_t number,
              std::shared_ptr<TableView> view);

  const std::shared_ptr<const QueryPlan>& plan() const { return plan_; }
  int32_t number() const { return number_; }  // number of the task in its stage
  // Returns whether the table can be read. A closed table never opens again.
  bool is_open() const { return is_open_.load(std::memory_order_relaxed); }

  // Returns the row of one key, or an empty batch if it has none. Returns nullopt if the task must answer.
  Result<std::optional<Batch>> find(const std::string& key, const EvalContext& eval);
  // Closes the table: from now on no reader uses the view. Call before the task is destroyed.
  void close();

 private:
  const std::shared_ptr<const QueryPlan> plan_;
  const int32_t number_;
  std::atomic<bool> is_open_ = true;
  const std::shared_ptr<ReadGate> gate_ = std::make_shared<ReadGate>();
  // Guarded by gate_. The view lives while this object is open.
  std::shared_ptr<const TableView> view_;
};

}  // namespace engine
