// A task's part of a table, for threads other than the task's that look single rows up.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "engine/exec/read_gate.h"
#include "engine/query/table_view.h"

namespace engine {

// What is found is durable, and in memory. Whatever else there is to a look-up (to wait for a commit, to fetch a row
// of a checkpoint, to tell of a failure) the task's own thread does.
//
// Threads: any; made and closed by the task's. Owner: shared by the task's owner and those who look up.
class SharedTable {
 public:
  // Before the task's first step. `plan`: of the query, as the task was built from it.
  SharedTable(std::shared_ptr<const QueryPlan> plan, int32_t number,
              std::shared_ptr<TableView> view);

  const std::shared_ptr<const QueryPlan>& plan() const { return plan_; }
  int32_t number() const { return number_; }  // of the task, in its stage
  // What is closed stays so.
  bool is_open() const { return is_open_.load(std::memory_order_relaxed); }

  // The row of one key, or none, as the table has it; nothing where the task must be asked.
  Result<std::optional<Batch>> find(const std::string& key, const EvalContext& eval);
  // Nobody looks at the view from now on. Before the task goes.
  void close();

 private:
  const std::shared_ptr<const QueryPlan> plan_;
  const int32_t number_;
  std::atomic<bool> is_open_ = true;
  const std::shared_ptr<ReadGate> gate_ = std::make_shared<ReadGate>();
  // Guarded by gate_; what it points to lives as long as this is open.
  std::shared_ptr<const TableView> view_;
};

}  // namespace engine
