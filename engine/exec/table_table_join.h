// Join of two tables by their keys.
#pragma once
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/exec/joined_table.h"
#include "engine/plan/plan.h"

namespace engine {

// Port 0 takes changes of the left table, port 1 those of the right one. The operator before a port
// keeps the rows of that table, and has already applied the change. So a change is joined with the
// current row of the other side. The joined rows are kept, too.
//
//             gives a row if                  (as in Kafka Streams)
//   INNER     both sides have one
//   LEFT      the left side has one
//   RIGHT     the right side has one
//   FULL      one side has one
//
// Threads: the task's.
class TableTableJoinOperator final : public JoinedTableOperator {
 public:
  // `layout` is the output layout. The tables outlive the operator.
  TableTableJoinOperator(TaskContext& context, const TableTableJoinStep& step, const Layout& layout,
                         size_t left_columns, KeyedTable& left, KeyedTable& right);

  Status process(Batch batch, size_t port) override;
  bool has_rest() const override { return rest_.has_value() || JoinedTableOperator::has_rest(); }
  Status resume() override;
  void visit_rest(const VisitRecord& visit) const override;
  void own_rest() override;

 private:
  struct Rest {
    Batch batch;
    ColumnPtr keys;  // key bytes of the rows of the batch
    size_t port = 0, row = 0;
  };
  // The changed rows of rest_ (the unfinished batch) that are handled in one step. `found` has the current rows of the
  // other table with the same keys.
  struct Met {
    std::vector<uint32_t> rows;
    std::vector<Column::SourceRow> others;
    Batch found;
  };
  Status take_block();
  Result<Met> look_up();
  Batch join(const Met& met) const;
  Status keep_and_push(Batch joined, const Met& met);
  bool gives_row(bool is_here, bool is_there) const;

  const TableTableJoinStep step_;
  const size_t left_columns_;
  std::array<KeyedTable*, 2> tables_;
  std::optional<Rest> rest_;
};

}  // namespace engine
