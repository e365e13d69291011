// Runs a SELECT's steps over the rows of its tables.
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

// Some of the rows at one place of a plan.
struct RowsChunk {
  size_t rows = 0;
  std::vector<ColumnPtr> columns;  // each `rows` long
};
using RowsChunks = std::vector<RowsChunk>;

size_t bytes_of(const RowsChunk& chunk);

// What the steps of one run share: how expressions are evaluated, and the memory of all rows that are kept meanwhile.
// Threads: the run's.
class RowsContext {
 public:
  // `memory`: what the server may hold; null: as much as it likes.
  RowsContext(const EvalContext& eval, MemoryBudget* memory);

  const EvalContext& eval() const { return eval_; }
  // Before each evaluation of a chunk; what it costs counts from there. Fails when nobody wants the result any more.
  Status begin();
  // After it.
  Status end() const;

  // Fails with OutOfMemory.
  Status add(size_t bytes);
  void remove(size_t bytes) { held_ -= bytes < held_ ? bytes : held_; }
  Status add(RowsChunks& to, RowsChunk chunk);
  size_t held() const { return held_; }
  // So much is left of what a part of the run held, and will be charged with what comes next.
  void hold(size_t bytes) { held_ = bytes; }

 private:
  const EvalContext eval_;
  std::optional<OwnedCharge> charge_;
  size_t held_ = 0, charged_ = 0;
};

// `tables`: the rows of each of the plan's tables, in the columns of its look-up; they are charged to the context
// already. Fails when a column cannot be computed of a row, and as the context does. Of the result's
// chunks the columns behind those of plan.result are of no interest. `system`: may be null when no system table is read.
// `profile`: gets what each step took; null: nobody asks.
Result<RowsChunks> run_rows_plan(const SelectRowsPlan& plan, std::vector<RowsChunks> tables,
                                 RowsContext& context, const SystemRows* system = nullptr,
                                 RowsProfile* profile = nullptr);

}  // namespace engine
