// Prepares rows for grouping: the first columns of a batch become the key by which they are
// grouped.
#pragma once
#include "engine/exec/operator.h"
#include "engine/plan/plan.h"

namespace engine {

// Drops rows with a null in the key. If an update of a table changes the key, it becomes two rows:
// the delete with the old key, followed by the insert with the new one. So the operators after this
// one see the same key in the old and in the new version of a row.
class RegroupOperator final : public Operator {
 public:
  RegroupOperator(TaskContext& context, const RegroupStep& step) : Operator(context), step_(step) {}
  Status process(Batch batch, size_t port) override;

 private:
  Status process_table(Batch batch);
  bool has_null_key(const std::vector<ColumnPtr>& columns, const Batch& batch, uint32_t row);

  const RegroupStep step_;
};

}  // namespace engine
