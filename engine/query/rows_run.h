// Runs the steps of a SELECT over the rows of its tables.
#pragma once
#include <cstddef>
#include <vector>

#include "base/memory_budget.h"
#include "engine/functions/kernel.h"
#include "engine/query/rows_profile.h"
#include "engine/query/select_rows.h"
#include "engine/types/column.h"

namespace engine {

class SystemRows;

// Some of the rows that one step of a plan passes to the next.
struct RowsChunk {
  size_t rows = 0;
  std::vector<ColumnPtr> columns;  // each `rows` long
};
using RowsChunks = std::vector<RowsChunk>;

size_t bytes_of(const RowsChunk& chunk);

// State that all steps of one run share: the context of evaluations, and the memory of all rows
// that the run keeps. Threads: the run's.
class RowsContext {
 public:
  // `memory` is the budget of the server; null: unlimited.
  RowsContext(const EvalContext& eval, MemoryBudget* memory);

  const EvalContext& eval() const { return eval_; }
  // Begins the evaluation of a chunk and starts its budget. Fails if the result is no longer needed.
  Status begin();
  // Ends the evaluation of a chunk.
  Status end() const;

  // Charges these bytes to the memory budget. Fails with OutOfMemory if the budget is exceeded.
  Status add(size_t bytes);
  void remove(size_t bytes) { held_ -= bytes < held_ ? bytes : held_; }
  Status add(RowsChunks& to, RowsChunk chunk);
  size_t held() const { return held_; }
  // Sets the number of bytes that the run still holds after a part of it has ended. The next add()
  // passes the new number to the budget.
  void hold(size_t bytes) { held_ = bytes; }

 private:
  const EvalContext eval_;
  std::optional<OwnedCharge> charge_;
  size_t held_ = 0, charged_ = 0;
};

// Runs the plan. `tables` has the rows of each table of the plan, in the columns of its look-up;
// their memory has already been charged to the context. The chunks of the result may have more
// columns than plan.result; the caller ignores these. `system` may be null if no system table is
// read. `profile` gets the measurements of each step; it may be null. Fails if a column cannot be
// computed for a row, and with the errors of the context.
Result<RowsChunks> run_rows_plan(const SelectRowsPlan& plan, std::vector<RowsChunks> tables,
                                 RowsContext& context, const SystemRows* system = nullptr,
                                 RowsProfile* profile = nullptr);

}  // namespace engine
