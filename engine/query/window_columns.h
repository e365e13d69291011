// What window functions give, a column for each call. Private to this folder.
#pragma once
#include "engine/query/window_frames.h"

namespace engine {

// Where a call's arguments stand among OrderedRows::computed; `filter`: nothing where there is none.
struct CallColumns {
  size_t first_argument;
  std::optional<size_t> filter;
};

// Fails as its arguments say, with OutOfMemory, and when nobody wants the result any more.
Result<ColumnPtr> window_column(const WindowCall& call, const CallColumns& columns,
                                const OrderedRows& rows, RowsContext& context);
// Of WindowFunction::Aggregate.
Result<ColumnPtr> aggregate_column(const WindowCall& call, const CallColumns& columns,
                                   const OrderedRows& rows, RowsContext& context);

// What computes a row after the other asks, now and then, whether it is still wanted.
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
