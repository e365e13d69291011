// Operators for SELECT lists and for the table functions in them.
#pragma once
#include <optional>

#include "engine/exec/rowwise_operator.h"
#include "engine/plan/plan.h"

namespace engine {

class ProjectOperator final : public RowwiseOperator {
 public:
  ProjectOperator(TaskContext& context, const ProjectStep& step);

 private:
  Status take(Batch batch, RowResults results) override;
  std::vector<ColumnPtr> masked(std::vector<Evaluated> results, const Bitmap& present) const;

  const std::vector<bool> is_key_;
};

// Evaluates table functions: a row gives one output row for each element of its lists. Lists may be
// long, so the output is made in blocks. If a record is finished only in part, append_scalars()
// stores the number of elements that were written.
class FlatMapOperator final : public RowwiseOperator {
 public:
  FlatMapOperator(TaskContext& context, const FlatMapStep& step);
  bool has_rest() const override { return is_busy() || RowwiseOperator::has_rest(); }
  Status resume() override;
  void visit_rest(const VisitRecord& visit) const override;
  void own_rest() override;
  bool holds_commits_back() const override { return true; }
  void append_scalars(std::vector<int64_t>& out) const override;
  void restore_scalars(std::span<const int64_t>& scalars) override;

 private:
  // Rows whose lists are evaluated; the first of them may be finished in part.
  struct Expanding {
    Batch batch;
    std::vector<ColumnPtr> lists;
    uint32_t row = 0, done = 0;  // `done` of `count` elements of row `row` are written
    uint32_t count = 0;
    size_t element_bytes = 1;  // approximate bytes of an output row
  };
  // A record whose first `done` elements were written before the restart.
  struct Place {
    int64_t partition = 0, offset = 0, done = 0;
  };
  Status take(Batch batch, RowResults results) override;
  bool is_busy() const override { return expanding_.has_value(); }
  Status expand();
  Batch next_block(size_t max_rows, size_t max_bytes);
  void begin_row();

  std::optional<Expanding> expanding_;
  std::optional<Place> restored_;
};

}  // namespace engine
