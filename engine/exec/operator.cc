#include "engine/exec/operator.h"

namespace engine {

void TaskContext::report(const RowErrors& errors, const Batch& batch) const {
  for (const RowErrors::Message& message : errors.messages())
    log.record_failed(message.text, batch.partition_of(message.row), batch.offsets[message.row]);
}

std::vector<ColumnPtr> Operator::evaluate(const Program& program,
                                          const std::vector<ColumnPtr>& columns,
                                          const Batch& batch) const {
  std::vector<ColumnPtr> out;
  for (Evaluated& result : program.run(columns, batch.rows, context_.eval)) {
    context_.report(result.errors, batch);
    out.push_back(std::move(result.column));
  }
  return out;
}

}  // namespace engine
