#include "engine/query/shared_table.h"

#include <utility>

namespace engine {

SharedTable::SharedTable(std::shared_ptr<const QueryPlan> plan, int32_t number,
                         std::shared_ptr<TableView> view)
    : plan_(std::move(plan)), number_(number), view_(view) {
  view->task().admit_readers(gate_);
}

Result<std::optional<Batch>> SharedTable::find(const std::string& key, const EvalContext& eval) {
  std::unique_lock<std::mutex> lock = gate_->try_read();
  if (!lock || !view_) return std::optional<Batch>();
  std::optional<Batch> row = TRY(view_->find_durable(key));
  const std::shared_ptr<const TableView> view = view_;
  lock.unlock();
  // The view has its own compiled expressions, so shape() needs neither the lock nor the task.
  if (row) row = TRY(view->shape(*std::move(row), eval));
  return row;
}

void SharedTable::close() {
  const ReadGate::Change change(gate_.get());
  is_open_ = false;
  view_.reset();
}

}  // namespace engine
