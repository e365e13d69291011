#include "engine/ivm/incremental_view.h"

#include <utility>

#include "engine/formats/format.h"
#include "engine/ivm/reduce.h"

namespace engine {

namespace {

std::unique_ptr<IncrementalStep> make_step(const MapChanges& plan) {
  return std::make_unique<MapStep>(plan.columns);
}
std::unique_ptr<IncrementalStep> make_step(const FilterChanges& plan) {
  return std::make_unique<KeepStep>(plan.condition);
}
std::unique_ptr<IncrementalStep> make_step(const ReduceChanges& plan) {
  return std::make_unique<ReduceStep>(plan);
}

}  // namespace

Result<std::unique_ptr<IncrementalView>> IncrementalView::make(
    std::shared_ptr<const ViewPlan> view, const IncrementalPlan& plan, const FormatSpec& key_format,
    std::span<const ColumnDef> key_columns) {
  auto made = std::make_unique<IncrementalView>();
  made->view_ = std::move(view);
  for (const auto& step : plan)
    made->steps_.push_back(std::visit([](const auto& each) { return make_step(each); }, step));
  auto rows = std::make_unique<NetRows>(
      *made->view_, TRY(make_writer(key_format, key_columns, Side::Key)), key_columns.size());
  made->rows_ = rows.get();
  made->steps_.push_back(std::move(rows));
  for (size_t i = 0; i + 1 < made->steps_.size(); ++i)
    made->steps_[i]->feed(made->steps_[i + 1].get());
  return made;
}

Status IncrementalView::take(Changes changes, const EvalContext& eval) {
  if (changes.rows == 0) return {};
  return steps_.front()->take(std::move(changes), eval);
}

Result<bool> IncrementalView::finish_some(size_t most, const EvalContext& eval) {
  // A step has nothing left only if the steps in front of it have finished, because they pass changes on to it.
  for (const auto& step : steps_)
    if (TRY(step->finish_some(most, eval))) return true;
  return false;
}

size_t IncrementalView::state_bytes() const {
  size_t bytes = 0;
  for (const auto& step : steps_) bytes += step->state_bytes();
  return bytes;
}

}  // namespace engine
