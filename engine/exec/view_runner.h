// The interface through which the task of a materialized view runs the view's SELECT.
#pragma once
#include <vector>

#include "base/memory_budget.h"
#include "base/result.h"
#include "engine/functions/kernel.h"
#include "engine/plan/view_plan.h"
#include "engine/types/batch.h"

namespace engine {

// Threads: any number may call run() at the same time.
class ViewRunner {
 public:
  virtual ~ViewRunner() = default;
  // Returns all rows of the view in the columns of its topic. If the view has a row id, the bytes
  // of the id are included. `inputs` has all rows of each port of the RecomputeStep, in the order
  // of their keys. If the SELECT leaves the order of rows open, this order decides. Fails with the
  // error of an expression, and with OutOfMemory.
  virtual Result<std::vector<Batch>> run(const ViewPlan& view,
                                         std::vector<std::vector<Batch>> inputs,
                                         const EvalContext& eval) const = 0;
  // Returns the budget that the state of incremental views is charged to; null: unlimited.
  virtual MemoryBudget* memory() const { return nullptr; }
};

}  // namespace engine
