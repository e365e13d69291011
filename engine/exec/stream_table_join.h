// Join of a stream with a table: each record is joined with the current row of the table under its
// key.
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

// Port 0 takes the stream. This operator reads the current rows of the table and receives no
// batches of it: the table's InputOperator changes the table, in the order in which the task takes
// its records. A record without a value gives no output. A record without a key, or whose key has
// no row in the table, gives a row only in a LEFT join, with nulls for the columns of the table.
class StreamTableJoinOperator final : public Operator {
 public:
  // `key` is the column of the stream's layout whose values are looked up. The table outlives the
  // operator.
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
  // Rows of the batch that give output, with the matching rows of the table.
  struct Matches;
  // Looks up the table rows for the next rows of rest_, as many as fit into one block of output:
  // each output row contains a copy of its table row, so a block of output may cover only few rows
  // of rest_.
  Result<Matches> look_up();
  void prefetch_rows();
  std::vector<ColumnPtr> table_columns(const Matches& matches) const;

  const StreamTableJoinStep step_;
  InputOperator& table_;
  std::unique_ptr<Writer> key_writer_;
  Batch rest_;
  EncodedRows rest_keys_;  // keys of all rows of rest_
  size_t row_ = 0;         // first row of rest_ that has not been looked up
};

}  // namespace engine
