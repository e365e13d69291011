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

// Port 0 takes the stream. The table's InputOperator changes the table, in the order in which the
// task takes its inputs. This operator reads the current rows of the table, so it receives no
// batches of the table. Records without a value give no output. Records without a key, or without a
// row in the table, give a row only in a LEFT join, with nulls for the columns of the table.
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
  // Looks up the next rows of the rest, as many as fit into a block. The number is limited because
  // each output row repeats the table row that it finds.
  Result<Matches> look_up();
  void prefetch_rows();
  std::vector<ColumnPtr> table_columns(const Matches& matches) const;

  const StreamTableJoinStep step_;
  InputOperator& table_;
  std::unique_ptr<Writer> key_writer_;
  Batch rest_;
  EncodedRows rest_keys_;  // keys of all rows of the rest
  size_t row_ = 0;         // first row of the rest that has not been looked up
};

}  // namespace engine
