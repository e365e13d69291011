// The last step of a join by a foreign key (docs/adr/0030). It collects the joined rows by left key: for each left row
// it keeps the newest answer of ForeignKeyJoinOperator, and drops answers that are outdated.
#pragma once
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/exec/joined_table.h"
#include "engine/formats/format.h"
#include "engine/plan/plan.h"

namespace engine {

// Answers about a left row arrive from the task of its foreign key. For a while after the foreign
// key has changed, they also arrive from the task of the previous foreign key. Answers of one task
// arrive in order, but those of the two tasks in any order. Both tasks answer the change of the
// foreign key with the same number: the task of the new key with kMoved, and the task of the old
// key with kLeft, which is its last answer.
//
// A row is "moving" while only one of these two answers has arrived. An answer that is older than
// the newest change is then outdated and is dropped. While a row is not moving, no outdated answer
// can be under way.
//
// If a row is deleted and then inserted with another foreign key, no message connects the deleted
// row with the new one. Therefore a joined row is stored with the number of its change, and an
// answer with a lower number does not replace it.
//
// Threads: the task's.
class ForeignKeyResolveOperator final : public JoinedTableOperator {
 public:
  // `layout`: output layout.
  static Result<std::unique_ptr<ForeignKeyResolveOperator>> make(TaskContext& context,
                                                                 const ForeignKeyResolveStep& step,
                                                                 const Layout& layout);
  Status process(Batch batch, size_t port) override;
  bool has_rest() const override { return rest_.has_value() || JoinedTableOperator::has_rest(); }
  Status resume() override;
  void visit_rest(const VisitRecord& visit) const override;
  void own_rest() override;

  RowStore& moving() { return moving_; }

 private:
  struct Rest {
    Batch batch;
    ColumnPtr keys;
    size_t row = 0;
  };
  // A key whose row is moving.
  struct Moving {
    int64_t newest = 0;         // number of the newest change with an answer
    std::vector<int64_t> open;  // numbers of changes that only one of the two tasks has answered

    bool has_ended() const { return open.empty(); }
    void hear(int64_t number);
  };
  ForeignKeyResolveOperator(TaskContext& context, const ForeignKeyResolveStep& step,
                            const Layout& layout)
      : JoinedTableOperator(context, layout, std::vector<bool>(layout.size(), true), step.old_too,
                            kHeadBytes),
        step_(step) {}
  Status take_block();
  Result<bool> is_out_of_date(std::string_view key, int64_t number, int32_t kind);
  Result<std::optional<Moving>> moving_of(std::string_view key);
  Status keep_moving(std::string_view key, const Moving& moving);

  static constexpr size_t kHeadBytes = sizeof(int64_t);  // number of the change, before the row
  const ForeignKeyResolveStep step_;
  RowStore moving_;
  std::unique_ptr<Writer> key_writer_;
  std::optional<Rest> rest_;
};

}  // namespace engine
