// Operator of WHERE and HAVING: passes on the rows that satisfy a condition.
#pragma once
#include "engine/exec/rowwise_operator.h"
#include "engine/plan/plan.h"

namespace engine {

class FilterOperator final : public RowwiseOperator {
 public:
  FilterOperator(TaskContext& context, const FilterStep& step);

 private:
  Status take(Batch batch, RowResults results) override;
  Status take_stream(Batch batch, const Evaluated& now);
  Status take_table(Batch batch, const RowResults& results);

  const bool is_table_, emits_all_deletes_;
};

}  // namespace engine
