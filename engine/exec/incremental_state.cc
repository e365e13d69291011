#include "engine/exec/incremental_state.h"

#include <fmt/format.h>

#include <utility>

#include "engine/expr/dropped_failures.h"

namespace engine {

namespace {

// Limit for one evaluation on the thread of the task. An expression that takes longer is left to the recomputation,
// which has a thread of its own.
constexpr int64_t kMostEvaluationUs = 50'000;
// Number of groups or rows that are prepared between two checks of the clock.
constexpr size_t kFinishedAtOnce = 512;

Changes changes_of(const std::vector<ColumnPtr>& columns, const Bitmap& present, int64_t weight) {
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < present.size(); ++row)
    if (present.test(row)) rows.push_back(row);
  Changes changes{rows.size()};
  if (rows.empty()) return changes;
  changes.weights.assign(rows.size(), weight);
  if (rows.size() == present.size()) {
    changes.columns = columns;
    return changes;
  }
  for (const ColumnPtr& column : columns)
    changes.columns.push_back(column ? std::make_shared<const Column>(column->gather(rows))
                                     : nullptr);
  return changes;
}

}  // namespace

IncrementalState::IncrementalState(const EvalContext& eval, MemoryBudget* memory)
    : clock_(eval.clock),
      properties_(eval.properties ? *eval.properties : decltype(properties_)()),
      random_(eval.random.next()),
      budget_(clock_, nullptr, memory),
      eval_{clock_, random_, &properties_, &budget_} {
  if (memory) charge_.emplace(*memory, MemoryKind::Queries);
}

Result<std::unique_ptr<IncrementalState>> IncrementalState::make(
    const RecomputeStep& step, const IncrementalPlan& plan, const Layout& layout, size_t key_count,
    const EvalContext& eval, MemoryBudget* memory) {
  std::unique_ptr<IncrementalState> made(new IncrementalState(eval, memory));
  if (step.view->failures_are_null)
    made->properties_[std::string(kFailuresProperty)] = std::string(kFailuresAreNull);
  std::vector<ColumnDef> keys;
  for (size_t i = 0; i < key_count; ++i)
    keys.push_back({layout[i].name, layout[i].type, ColumnRole::Key});
  made->view_ = TRY(IncrementalView::make(step.view, plan, step.key_format, keys));
  return made;
}

Status IncrementalState::charge() {
  const size_t bytes = view_->state_bytes();
  if (!charge_ || charge_->try_resize(bytes)) return {};
  return charge_->refusal(fmt::format("the state of a materialized view, {}", format_bytes(bytes)));
}

Status IncrementalState::fill(const std::vector<Batch>& rows,
                              const std::atomic<bool>& is_canceled) {
  EvalBudget budget(clock_, &is_canceled);
  const EvalContext eval{clock_, random_, &properties_, &budget};
  for (const Batch& batch : rows) {
    budget.begin({});
    TRY(view_->take(changes_of(batch.columns, batch.present, 1), eval));
    TRY(budget.is_over() ? budget.status() : Status{});
    TRY(charge());
  }
  return {};
}

Status IncrementalState::take(const Batch& batch) {
  budget_.begin({.deadline_us = clock_.monotonic_us() + kMostEvaluationUs});
  if (batch.has_old())
    TRY(view_->take(changes_of(batch.old_columns, batch.old_present, -1), eval_));
  TRY(view_->take(changes_of(batch.columns, batch.present, 1), eval_));
  TRY(budget_.status());
  return charge();
}

Result<bool> IncrementalState::finish_some() {
  budget_.begin({.deadline_us = clock_.monotonic_us() + kMostEvaluationUs});
  const bool has_more = TRY(view_->finish_some(kFinishedAtOnce, eval_));
  TRY(budget_.status());
  TRY(charge());
  return has_more;
}

}  // namespace engine
