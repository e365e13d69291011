// SELECT lists, and table functions in them.
#pragma once
#include "engine/exec/operator.h"
#include "engine/expr/program.h"
#include "engine/plan/plan.h"

namespace engine {

class ProjectOperator final : public Operator {
 public:
  ProjectOperator(TaskContext& context, const ProjectStep& step);
  Status process(Batch batch, size_t port) override;

 private:
  std::vector<ColumnPtr> project(const std::vector<ColumnPtr>& columns, const Bitmap& present,
                                 const Batch& batch);

  Program program_;
  const std::vector<bool> is_key_;
  const bool old_too_;
};

class FlatMapOperator final : public Operator {
 public:
  FlatMapOperator(TaskContext& context, const FlatMapStep& step);
  Status process(Batch batch, size_t port) override;

 private:
  Program program_;
};

}  // namespace engine
