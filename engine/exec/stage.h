// The operators of one stage, wired as its plan says.
#pragma once
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "engine/exec/aggregate.h"
#include "engine/exec/input.h"
#include "engine/exec/output.h"
#include "engine/plan/plan.h"

namespace engine {

// Where the rows go: the topic or exchange of the plan's output, or a function.
using StageEnd = std::variant<OutputTarget, CallbackOutput::Take>;

// Threads: belongs to one task.
class Stage {
 public:
  static Result<std::unique_ptr<Stage>> build(const StagePlan& plan, TaskContext& context,
                                              StageEnd end);

  const std::vector<InputOperator*>& inputs() const { return inputs_; }
  // Records with these keys come next.
  void prefetch(std::span<const std::string_view> keys) const {
    for (const Store* store : stores_) store->prefetch(keys);
  }
  // By the plan's store index.
  const std::vector<Store*>& stores() const { return stores_; }
  // The table that is kept in a store.
  Materialized& table_of(int store) const { return *tables_[static_cast<size_t>(store)]; }

  // Pushes rows of a store's table once more, as they are, from the operator that keeps them.
  Status push_again(int store, Batch rows) const;

  // What a push query shows first: the rows of its table, the joined ones where it joins tables.
  void begin_bootstrap() {
    if (shown_) shown_->begin_bootstrap();
  }
  Status end_bootstrap() { return shown_ ? shown_->end_bootstrap() : Status{}; }

  // --- Stopping in the middle (engine/exec/operator.h)
  bool has_rest() const;
  // The row on another thread that everything waits for; null: something can be done.
  const SlowRow* awaited() const;
  // Goes on until nothing is left or the slice is spent.
  Status resume();
  bool may_commit() const;
  void visit_rest(const Operator::VisitRecord& visit) const;
  void own_rest();
  bool tidy();
  // The newest event time that an operator of the stage has seen; null where none looks.
  const StreamTime* stream_time() const;

  // Gives back the memory of some state of a stage that is not used any more; true when there is more.
  bool release_some();

  // Null where the rows go elsewhere than to a time-ordered exchange.
  ExchangeOutput* time_ordered_output() const { return time_ordered_output_; }
  void take_outputs(std::vector<OutputBatch>& out);
  std::vector<int64_t> scalars() const;
  // Consumes the stage's from the front.
  void restore_scalars(std::span<const int64_t>& scalars);

 private:
  bool has_rest_behind(size_t index) const;
  Status add_node(const StagePlan& stage, const PlanNode& node, TaskContext& context);
  void feed(size_t from, Operator& to, size_t port);
  Status add_end(const StagePlan& plan, TaskContext& context, StageEnd end);
  Result<std::unique_ptr<Operator>> make_operator(const StagePlan& stage, const PlanNode& node,
                                                  TaskContext& context);
  Result<std::unique_ptr<Operator>> make_foreign_key_operator(const StagePlan& stage,
                                                              const PlanNode& node,
                                                              TaskContext& context);

  std::vector<std::unique_ptr<Operator>> operators_;  // one a node, then the end
  std::vector<InputOperator*> inputs_;
  std::vector<Store*> stores_;
  std::vector<Materialized*> tables_;
  std::vector<std::pair<size_t, size_t>>
      behind_tables_;                       // likewise: the operator behind it, and the port
  std::vector<KeyedTable*> keyed_tables_;   // likewise, those that joins may look at
  Operator* shown_ = nullptr;               // that keeps the table which a push query shows first
  AggregateOperator* aggregate_ = nullptr;  // of a stage that has one
  LogOutput* output_ = nullptr;
  ExchangeOutput* time_ordered_output_ = nullptr;  // the same
};

}  // namespace engine
