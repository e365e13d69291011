// The middle step of a join by a foreign key. The task keeps the left rows whose foreign keys
// belong to its partition, because the right rows with these keys are in the same task.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/exec/keyed_table.h"
#include "engine/exec/operator.h"
#include "engine/formats/format.h"
#include "engine/plan/plan.h"
#include "engine/state/prefix_store.h"

namespace engine {

// Port 0 takes changes of left rows (ForeignKeySubscribeOperator). Port 1 takes changes of the
// right table, which the operator before port 1 has already applied to that table. A left row is
// joined with the current right row. A right row is joined with all left rows that refer to it, in
// the order of their key bytes, one block after the other. If a commit is made between two blocks,
// append_scalars() stores the key at which the join continues after a restart.
//
// Threads: the task's.
class ForeignKeyJoinOperator final : public Operator {
 public:
  // `left`, `right`: layouts of the ports. The right table outlives the operator.
  static Result<std::unique_ptr<ForeignKeyJoinOperator>> make(TaskContext& context,
                                                              const ForeignKeyJoinStep& step,
                                                              const Layout& left,
                                                              const Layout& right,
                                                              KeyedTable& right_table);
  Status process(Batch batch, size_t port) override;
  bool has_rest() const override { return rest_.has_value(); }
  Status resume() override;
  void visit_rest(const VisitRecord& visit) const override;
  void own_rest() override;
  bool holds_commits_back() const override { return true; }
  void append_scalars(std::vector<int64_t>& out) const override;
  void restore_scalars(std::span<const int64_t>& scalars) override;

  RangeStore& store() { return rows_.store(); }

 private:
  struct Rest {
    Batch batch;
    size_t port = 0;
    ColumnPtr keys;         // foreign keys of left rows, or own keys of right rows
    EncodedRows left_keys;  // port 0: keys of the left rows
    size_t row = 0;         // first row that is not finished
    // port 1: all left rows whose keys are lower than `place` have been joined with the right row;
    // empty: no left row has been joined yet
    std::string place;
  };
  // A right row that had been joined with only some of the left rows when the task made its last commit: with those
  // whose keys are below `place`. After a restart the join continues at this key.
  struct Place {
    int64_t partition = 0, offset = 0;
    std::string place;
  };
  struct Answers;

  ForeignKeyJoinOperator(TaskContext& context, const ForeignKeyJoinStep& step, const Layout& left,
                         const Layout& right, KeyedTable& right_table)
      : Operator(context), step_(step), left_(left), right_(right), right_table_(right_table) {}
  Status take_block();
  Result<Answers> answer_left();
  Result<Answers> answer_right();
  Status keep(size_t row, std::string_view key, bool is_there);
  void begin_right_row();
  Status push_answers(Answers answers);
  uint64_t fetches() const {
    return right_table_.rows().layers().fetches() + rows_.layers().fetches();
  }

  const ForeignKeyJoinStep step_;
  const Layout left_, right_;
  KeyedTable& right_table_;
  PrefixStore rows_;
  std::unique_ptr<Writer> key_writer_, left_writer_;
  std::optional<Rest> rest_;
  std::optional<Place> restored_;
};

}  // namespace engine
