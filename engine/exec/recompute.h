// Keeps the rows of a materialized view. When its inputs have changed, the differences from the former result are
// written. They come from the changes of the input (incremental), or from the SELECT, which runs again over all rows.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/exec/input.h"
#include "engine/exec/joined_table.h"
#include "engine/exec/view_state.h"
#include "engine/ivm/incremental_plan.h"
#include "engine/plan/view_plan.h"

namespace engine {

class IncrementalState;
class ViewComputation;

// The operator takes rows at any time. The task begins a run, which computes the view from the inputs as of one cut (a
// position in each input). A run has four parts, each of which may be interrupted:
//
//   gather    copies the rows of all inputs               the inputs do not change, because the task takes no records
//   compute   runs the SELECT and sorts its rows by key   on another thread, if there is one
//   put       writes the new and the changed rows
//   erase     deletes the rows that are no longer there
//
// An incremental view does this only at its first run and after a failure. This run also fills the IncrementalState,
// which then takes all changes when they arrive. The parts of the other runs are:
//
//   settle    prepares the rows of the view that have changed since the last run
//   apply     writes the new and the changed rows
//   erase     as above
//
// During the parts that write, the operator is "publishing". A reader would then see only a part of
// the changes, so no scan may begin. After a restart the run is repeated, and its result is
// compared with the rows that were already written. The IncrementalState is in memory only, so the first run after a
// restart is a complete one.
//
// Threads: the task's.
class RecomputeOperator final : public JoinedTableOperator {
 public:
  // `inputs` are the inputs of the stage, by port.
  static Result<std::unique_ptr<RecomputeOperator>> make(TaskContext& context,
                                                         const RecomputeStep& step,
                                                         const Layout& layout,
                                                         std::vector<InputOperator*> inputs);
  ~RecomputeOperator() override;

  // Returns the store of the rows of the stream at this port.
  RowStore& stream_store(size_t port) { return *streams_[port]; }

  Status process(Batch batch, size_t port) override;
  bool has_rest() const override { return run_ != nullptr || JoinedTableOperator::has_rest(); }
  Status resume() override;
  // A commit may be made between two parts of a run, because a restart repeats the run.
  bool holds_commits_back() const override { return false; }
  Status readable() const override;

  // --- For the task
  // Returns the earliest time of the next run. After a run, the view rests for four times as long
  // as the run took, but at least for the setting view.interval. While a reader waits for rows, the
  // view does not rest.
  int64_t due_at_us() const { return is_awaited_ ? 0 : state_.due_at_us; }
  void set_awaited(bool is_awaited) { is_awaited_ = is_awaited; }
  // Returns whether rows have arrived since the last run began, or no run has begun yet.
  bool is_dirty() const { return is_dirty_; }
  // Begins to compute the view. The task must have read each input up to the position in the cut (Task::cut_).
  void begin_run();
  bool is_publishing() const;
  bool only_reads() const;
  // Returns whether the run can only continue when the other thread has finished.
  bool waits_aside() const;
  const ViewState& state() const { return state_; }

 private:
  struct Run;
  RecomputeOperator(TaskContext& context, const RecomputeStep& step, const Layout& layout,
                    std::vector<InputOperator*> inputs);
  Status gather_some();
  void compute();
  Status take_result();
  std::unique_ptr<IncrementalState> empty_state() const;
  void take_changes(const Batch& batch);
  void drop_state(const Error& why);
  Status settle_some();
  Status apply_some();
  Status put_some();
  Status find_gone();
  Status erase_some();
  Result<Batch> stream_rows(size_t port, std::span<const StoredRow> rows) const;
  RowStore& rows_of_port(size_t port);
  Status push_changes(Batch changes);
  void end_run(std::optional<Error> error);

  const RecomputeStep step_;
  const std::vector<InputOperator*> inputs_;
  // For each port: the rows of a stream, under their partition and offset; null for a table.
  std::vector<std::unique_ptr<RowStore>> streams_;
  std::vector<int> all_columns_;
  size_t key_count_ = 0;
  const int64_t interval_us_;
  const uint64_t most_rows_;
  // Set if the view is incremental. state_of_rows_ is null until a run has filled it.
  std::optional<IncrementalPlan> plan_;
  std::unique_ptr<IncrementalState> state_of_rows_;
  int timeouts_ = 0;  // since the last incremental run
  bool is_dirty_ = true;
  bool is_awaited_ = false;
  std::unique_ptr<Run> run_;
  ViewState state_;
};

}  // namespace engine
