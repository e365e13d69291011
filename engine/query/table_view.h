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

// Rows come in the table's input_layout(), in the order of the key bytes, windows of one key by
// their start. They reflect every record that the task has taken, so a caller who must not see what
// could still be lost waits for Task::when_durable() before he shows them.
//
// Threads: the task's. Owner: whoever owns the task.
class TableView {
 public:
  TableView(const MaterializationPlan& plan, Task& task);

  // The rows under these serialized keys; keys that are not there give none.
  Result<Batch> find(std::span<const std::string> keys, const EvalContext& eval);
  Result<Batch> scan(const EvalContext& eval);
  size_t size() const { return task_.stage().stores()[static_cast<size_t>(plan_.store)]->size(); }

 private:
  Result<Batch> stored_rows(const std::vector<std::string>* keys);
  Result<Batch> shape(Batch rows, const EvalContext& eval) const;

  const MaterializationPlan plan_;
  Task& task_;
  std::optional<Program> filter_;
  Program columns_;
};

}  // namespace engine
