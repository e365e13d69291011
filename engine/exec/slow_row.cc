#include "engine/exec/slow_row.h"

#include "base/cpu_time.h"

namespace engine {

RowResults RowExpressions::run(const Batch& batch, const EvalContext& context) const {
  RowResults results;
  results.now = program.run(batch.columns, batch.rows, context);
  if (evaluates_old && batch.has_old())
    results.old = program.run(batch.old_columns, batch.rows, context);
  return results;
}

SlowRow::SlowRow(std::shared_ptr<const RowExpressions> expressions, Batch row,
                 const EvalContext& context)
    : expressions_(std::move(expressions)),
      row_(std::move(row)),
      clock_(context.clock),
      properties_(context.properties ? *context.properties : decltype(properties_)()),
      random_(context.random.next()),
      begun_us_(clock_.monotonic_us()) {}

void SlowRow::evaluate() {
  const int64_t from_us = thread_cpu_us();
  EvalBudget budget(clock_, &is_canceled_);
  budget.begin({});
  results_ = expressions_->run(row_, {clock_, random_, &properties_, &budget});
  cpu_us_ = thread_cpu_us() - from_us;
  is_done_.store(true, std::memory_order_release);
}

}  // namespace engine
