// The end of a join by a foreign key: of each left row the newest answer.
#pragma once
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/exec/joined_table.h"
#include "engine/formats/format.h"
#include "engine/plan/plan.h"

namespace engine {

// Answers about one left row come from where its foreign key is, and for a while also from where that was before: in
// any order between the two, in order from each. Whoever comes to a foreign key says kMoved where there was another
// before, which says kLeft, with the same number, as the last that is heard of there. So where one of the two has
// been heard and the other not, the row is moving: what is older than its newest change is out of date then, and is
// left out. A row that is not moving has nothing on its way that is out of date.
//
// A row that goes and comes again under another foreign key has two lives, and of these nobody says that they belong
// together: a joined row keeps the number of its change, and yields to none that is smaller.
//
// Threads: the task's.
class ForeignKeyResolveOperator final : public JoinedTableOperator {
 public:
  // `layout`: of what it gives.
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
    int64_t newest = 0;         // change that has been heard of
    std::vector<int64_t> open;  // numbers of changes of which one of the two was heard

    bool has_ended() const { return open.empty(); }
    void hear(int64_t number);
  };
  ForeignKeyResolveOperator(TaskContext& context, const ForeignKeyResolveStep& step,
                            const Layout& layout)
      : JoinedTableOperator(context, layout, std::vector<bool>(layout.size(), true),
                            step.old_too, kHeadBytes),
        step_(step) {}
  Status take_block();
  Result<bool> is_out_of_date(std::string_view key, int64_t number, int32_t kind);
  Result<std::optional<Moving>> moving_of(std::string_view key);
  Status keep_moving(std::string_view key, const Moving& moving);

  static constexpr size_t kHeadBytes = sizeof(int64_t);  // the number of the change
  const ForeignKeyResolveStep step_;
  RowStore moving_;
  std::unique_ptr<Writer> key_writer_;
  std::optional<Rest> rest_;
};

}  // namespace engine
