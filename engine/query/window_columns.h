// Computes the columns of window function calls. Used only by the source files in this folder.
#pragma once
#include "engine/query/window_frames.h"

namespace engine {

// The places of the arguments of a window function call in OrderedRows::computed: the columns from `first_argument` on,
// and the column of FILTER (nullopt: the call has no FILTER).
struct CallColumns {
  size_t first_argument;
  std::optional<size_t> filter;
};

// Computes the column of a call. Fails if an argument is invalid or the result is no longer needed,
// and with OutOfMemory.
Result<ColumnPtr> window_column(const WindowCall& call, const CallColumns& columns,
                                const OrderedRows& rows, RowsContext& context);
// Computes the column of a call of WindowFunction::Aggregate.
Result<ColumnPtr> aggregate_column(const WindowCall& call, const CallColumns& columns,
                                   const OrderedRows& rows, RowsContext& context);

// Checks in loops over rows, from time to time, whether the result is still needed.
class StepBudget {
 public:
  explicit StepBudget(RowsContext& context) : context_(context) {}
  Status step() { return ++steps_ % kStepsBetween == 0 ? context_.begin() : Status(); }

 private:
  static constexpr size_t kStepsBetween = 1024;
  RowsContext& context_;
  size_t steps_ = 0;
};

}  // namespace engine
