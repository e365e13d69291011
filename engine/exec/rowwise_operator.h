// Operators that compute expressions over their rows.
#pragma once
#include <memory>
#include <optional>

#include "engine/exec/operator.h"
#include "engine/exec/slow_row.h"

namespace engine {

// Where an evaluation costs too much for the whole batch (texts that grow, regular expressions), it is done
// for fewer rows at a time, in as many steps as that takes; which rows are evaluated together changes
// nothing. A row that takes too long by itself is evaluated on another thread, where there is one
// (TaskContext::run_aside): it and what comes after it are the operator's rest until then.
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
  // Makes what follows from these rows and pushes it.
  virtual Status take(Batch batch, RowResults results) = 0;
  // Whether take() has left something to do that comes before further rows.
  virtual bool is_busy() const { return false; }

 private:
  // Some rows that are evaluated.
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
  size_t row_ = 0;                     // of rest_: the first that is not taken
  size_t chunk_rows_ = SIZE_MAX;       // how many are evaluated at once
  bool has_many_items_ = false;        // the rest: maybe one of its rows
  bool is_slow_ = false;               // single rows go to another thread at once
  std::shared_ptr<SlowRow> slow_row_;  // that first one, while it is there
};

}  // namespace engine
