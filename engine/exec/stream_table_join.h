// A stream joined with a table: each record finds the row that the table has under its key.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/exec/input.h"
#include "engine/exec/operator.h"
#include "engine/formats/format.h"
#include "engine/plan/plan.h"

namespace engine {

// Port 0: the stream. The table is changed by its InputOperator, in the order in which the task
// takes its inputs, and looked at here as it is at that moment; so the table's batches need not
// come by. Records without a value give nothing; those without a key, or without a row in the
// table, give a row in a LEFT join only, with nulls for the table's columns.
class StreamTableJoinOperator final : public Operator {
 public:
  // `key` is the column of the stream's layout that is looked up; the table outlives the operator.
  static Result<std::unique_ptr<StreamTableJoinOperator>> make(TaskContext& context,
                                                               const StreamTableJoinStep& step,
                                                               const LayoutColumn& key,
                                                               InputOperator& table);
  Status process(Batch batch, size_t port) override;
  bool has_rest() const override { return rest_.rows > 0; }
  Status resume() override;
  void visit_rest(const VisitRecord& visit) const override;
  void own_rest() override;

 private:
  StreamTableJoinOperator(TaskContext& context, const StreamTableJoinStep& step,
                          InputOperator& table)
      : Operator(context), step_(step), table_(table) {}
  // The batch's rows that give one, and the rows of the table that belong to them.
  struct Matches;
  // Those of the next rows of the rest, as many as a block may have: each repeats what it finds.
  Result<Matches> look_up();
  void prefetch_rows();
  std::vector<ColumnPtr> table_columns(const Matches& matches) const;

  const StreamTableJoinStep step_;
  InputOperator& table_;
  std::unique_ptr<Writer> key_writer_;
  Batch rest_;
  EncodedRows rest_keys_;  // of all its rows
  size_t row_ = 0;         // of the rest: the first that is not looked up
};

}  // namespace engine
