// WHERE and HAVING.
#pragma once
#include "engine/exec/operator.h"
#include "engine/expr/program.h"
#include "engine/plan/plan.h"

namespace engine {

class FilterOperator final : public RowwiseOperator {
 public:
  FilterOperator(TaskContext& context, const FilterStep& step);

 private:
  Status take(Batch& batch) override;
  Status take_stream(Batch& batch);
  Status take_table(Batch& batch);
  // The rows that are there and pass.
  struct Passing {
    Bitmap rows;
    RowErrors errors;
  };
  Passing passing(const std::vector<ColumnPtr>& columns, const Bitmap& present,
                  const Batch& batch) const;

  Program predicate_;
  const bool is_table_, tells_all_deletes_;
};

}  // namespace engine
