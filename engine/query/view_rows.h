// Runs the SELECTs of materialized views.
#pragma once
#include <vector>

#include "base/memory_budget.h"
#include "engine/exec/view_runner.h"

namespace engine {

// Threads: any. Owner: the node.
class ViewRows final : public ViewRunner {
 public:
  // `memory` is the budget of the server; null: unlimited.
  explicit ViewRows(MemoryBudget* memory) : memory_(memory) {}
  Result<std::vector<Batch>> run(const ViewPlan& view, std::vector<std::vector<Batch>> inputs,
                                 const EvalContext& eval) const override;
  MemoryBudget* memory() const override { return memory_; }

 private:
  MemoryBudget* const memory_;
};

}  // namespace engine
