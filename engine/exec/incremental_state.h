// The state of a materialized view that is kept up to date by the changes of its input.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "base/random.h"
#include "engine/functions/budget.h"
#include "engine/ivm/incremental_view.h"
#include "engine/plan/plan.h"
#include "engine/types/batch.h"

namespace engine {

// Begins empty. After an error the object may only be destroyed; the view is then recomputed once.
//
// Threads: one at a time; fill() usually runs on another thread than the other functions.
class IncrementalState {
 public:
  // `layout` is that of the view's topic; its first `key_count` columns are the key. `eval` has the properties of the
  // view's query. The memory of the state is charged to `memory` (null: unlimited).
  static Result<std::unique_ptr<IncrementalState>> make(const RecomputeStep& step,
                                                        const IncrementalPlan& plan,
                                                        const Layout& layout, size_t key_count,
                                                        const EvalContext& eval,
                                                        MemoryBudget* memory);

  // Takes the rows of an empty view's input. They may take any time. Fails if an expression fails, with QueryCanceled,
  // and with OutOfMemory if the budget refuses the memory of the state.
  Status fill(const std::vector<Batch>& rows, const std::atomic<bool>& is_canceled);
  // Takes changes of a table, with the old rows, or records of a stream. Fails if an expression fails, with LimitExceeded
  // if an expression takes so long that it would delay other tasks, and with OutOfMemory.
  Status take(const Batch& batch);
  // Prepares a part of the changes since the last cut. Returns whether more is left.
  Result<bool> finish_some();
  Result<NetChanges> next_changes(size_t most) { return view_->next_changes(most); }
  bool has_changes() const { return view_->has_changes(); }

 private:
  IncrementalState(const EvalContext& eval, MemoryBudget* memory);
  Status charge();

  const Clock& clock_;
  std::map<std::string, std::string> properties_;
  Random random_;
  EvalBudget budget_;
  const EvalContext eval_;
  std::unique_ptr<IncrementalView> view_;
  std::optional<OwnedCharge> charge_;
};

}  // namespace engine
