// WHERE and HAVING.
#pragma once
#include "engine/exec/operator.h"
#include "engine/expr/program.h"
#include "engine/plan/plan.h"

namespace engine {

class FilterOperator final : public Operator {
 public:
  FilterOperator(TaskContext& context, const FilterStep& step);
  Status process(Batch batch, size_t port) override;

 private:
  Status process_stream(Batch batch);
  Status process_table(Batch batch);
  Bitmap passing(const std::vector<ColumnPtr>& columns, const Bitmap& present, const Batch& batch);

  Program predicate_;
  const bool is_table_;
};

}  // namespace engine
