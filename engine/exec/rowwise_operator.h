// Base class of operators that compute expressions for each row.
#pragma once
#include <memory>
#include <optional>

#include "engine/exec/operator.h"
#include "engine/exec/slow_row.h"

namespace engine {

// An evaluation may be too expensive for a whole batch (growing texts, regular expressions). It is
// then done in several steps, each for fewer rows; the result does not depend on how the rows are
// divided. If a single row takes too long, it is evaluated on another thread, if one exists
// (TaskContext::run_aside). Until its result arrives, this row and all later rows are the remaining
// work of the operator.
class RowwiseOperator : public Operator {
 public:
  RowwiseOperator(TaskContext& context, RowExpressions expressions)
      : Operator(context),
        expressions_(std::make_shared<const RowExpressions>(std::move(expressions))) {}
  ~RowwiseOperator() override;
  Status process(Batch batch, size_t port) override;
  bool has_rest() const override { return rest_.rows > 0; }
  Status resume() override;
  const SlowRow* awaited() const override;
  void visit_rest(const VisitRecord& visit) const override;
  void own_rest() override;

 protected:
  // Computes the output of these rows and pushes it.
  virtual Status take(Batch batch, RowResults results) = 0;
  // Returns whether take() has not finished its output. Further rows then have to wait.
  virtual bool is_busy() const { return false; }

 private:
  // Rows with the results of their expressions.
  struct Part {
    Batch batch;
    RowResults results;
  };
  std::optional<Part> next_part();
  std::optional<RowResults> evaluate(const Batch& batch);
  size_t rows_before_large(size_t rows) const;
  void pass(size_t rows);
  void hand_over();

  const std::shared_ptr<const RowExpressions> expressions_;
  Batch rest_;
  size_t row_ = 0;                // first row of rest_ that is not taken
  size_t chunk_rows_ = SIZE_MAX;  // number of rows in one evaluation
  bool has_many_items_ = false;   // a row of rest_ may be too large for this thread
  // True: the next row is evaluated on another thread, without an attempt on this thread.
  bool is_slow_ = false;
  std::shared_ptr<SlowRow> slow_row_;  // set while another thread evaluates the first row of rest_
};

}  // namespace engine
