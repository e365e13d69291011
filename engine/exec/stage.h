// The operators of one stage, connected according to its plan.
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

class RecomputeOperator;  // engine/exec/recompute.h

// The destination of the rows: the topic or exchange that the plan names, or a function.
using StageEnd = std::variant<OutputTarget, CallbackOutput::Take>;

// Threads: belongs to one task.
class Stage {
 public:
  static Result<std::unique_ptr<Stage>> build(const StagePlan& plan, TaskContext& context,
                                              StageEnd end);

  const std::vector<InputOperator*>& inputs() const { return inputs_; }
  // Prefetches the store entries of `keys`, which are the keys of the next records.
  void prefetch(std::span<const std::string_view> keys) const {
    for (const Store* store : stores_) store->prefetch(keys);
  }
  // Returns the stores, indexed as in the plan.
  const std::vector<Store*>& stores() const { return stores_; }
  // Returns the table that is kept in a store.
  Materialized& table_of(int store) const { return *tables_[static_cast<size_t>(store)]; }

  // Pushes rows of a store's table once more, unchanged, to the operator that follows the keeper of the table.
  Status push_again(int store, Batch rows) const;

  // Begin and end the initial phase of a push query, which shows the rows of the query's table
  // first. If the query joins tables, these are the joined rows.
  void begin_bootstrap() {
    if (shown_) shown_->begin_bootstrap();
  }
  Status end_bootstrap() { return shown_ ? shown_->end_bootstrap() : Status{}; }

  // --- Stopping in the middle (engine/exec/operator.h)
  bool has_rest() const;
  // If all work waits for a row that another thread is evaluating, returns this row; otherwise
  // null.
  const SlowRow* awaited() const;
  // Continues with the rests (unfinished parts of batches) of the operators until none is left or the slice is used up.
  Status resume();
  bool may_commit() const;
  void visit_rest(const Operator::VisitRecord& visit) const;
  void own_rest();
  bool tidy();
  // Returns the newest event time that an operator of the stage has seen; null if no operator
  // tracks it.
  const StreamTime* stream_time() const;

  // Returns the operator that keeps the rows of a materialized view; null in other stages.
  RecomputeOperator* view() const { return view_; }
  bool is_publishing() const;
  // Returns whether the only unfinished work of the stage is the part of a view's run that reads
  // rows and does not change the table.
  bool only_reads() const;
  // Returns whether the next step has no work until another thread has finished.
  bool waits_aside() const;

  // Frees a part of the memory of a stage that is no longer used. Returns true if more remains.
  bool release_some();

  // Returns the output if the stage writes to a time-ordered exchange; null otherwise.
  ExchangeOutput* time_ordered_output() const { return time_ordered_output_; }
  void take_outputs(std::vector<OutputBatch>& out);
  std::vector<int64_t> scalars() const;
  // Restores the numbers of the stage from the front of the span, and removes them from the span.
  void restore_scalars(std::span<const int64_t>& scalars);

 private:
  bool has_rest_behind(size_t index) const;
  Status add_node(const StagePlan& stage, const PlanNode& node, TaskContext& context);
  void feed(size_t from, Operator& to, size_t port);
  Status add_end(const StagePlan& plan, TaskContext& context, StageEnd end);
  Result<std::unique_ptr<Operator>> make_operator(const StagePlan& stage, const PlanNode& node,
                                                  TaskContext& context);
  Result<std::unique_ptr<Operator>> make_view(const StagePlan& stage, const PlanNode& node,
                                              TaskContext& context);
  Result<std::unique_ptr<Operator>> make_foreign_key_operator(const StagePlan& stage,
                                                              const PlanNode& node,
                                                              TaskContext& context);

  std::vector<std::unique_ptr<Operator>> operators_;  // one per node of the plan, then the output
  std::vector<InputOperator*> inputs_;
  std::vector<Store*> stores_;
  std::vector<Materialized*> tables_;
  std::vector<std::pair<size_t, size_t>>
      behind_tables_;                      // by store: the operator that follows the table
  std::vector<KeyedTable*> keyed_tables_;  // tables that joins read, by the number of their store
  Operator* shown_ = nullptr;              // keeps the table that a push query shows first
  RecomputeOperator* view_ = nullptr;
  AggregateOperator* aggregate_ = nullptr;  // set if the stage has one
  LogOutput* output_ = nullptr;
  ExchangeOutput* time_ordered_output_ = nullptr;  // output_, if it is time-ordered
};

}  // namespace engine
