// The first step of a join by a foreign key (docs/adr/0030). Sends each change of the left table to the task that has
// the right row of the row's foreign key. If the change has moved the row to another foreign key, the task of the old
// key gets it, too.
#pragma once
#include <vector>

#include "engine/exec/rowwise_operator.h"
#include "engine/plan/plan.h"

namespace engine {

// Numbers the changes of left rows and sends them to ForeignKeyJoinOperator. Changes of one row have ascending numbers,
// because one task handles all of them. By these numbers ForeignKeyResolveOperator recognizes outdated answers.
//
// Threads: the task's.
class ForeignKeySubscribeOperator final : public RowwiseOperator {
 public:
  // `layout`: output layout.
  ForeignKeySubscribeOperator(TaskContext& context, const ForeignKeySubscribeStep& step,
                              const Layout& layout);
  void append_scalars(std::vector<int64_t>& out) const override { out.push_back(last_number_); }
  void restore_scalars(std::span<const int64_t>& scalars) override;

 protected:
  Status take(Batch batch, RowResults results) override;

 private:
  // A message to ForeignKeyJoinOperator, which becomes one output row.
  struct Said {
    uint32_t row;  // number of the row in the batch
    bool to_old;   // the message is for the task of the old foreign key
    int32_t kind;
    int64_t number;
  };
  std::vector<Said> what_to_say(const Batch& batch, const Column& now, const Column* old);

  const ForeignKeySubscribeStep step_;
  const Layout layout_;
  int64_t last_number_ = 0;
};

}  // namespace engine
