// Keeps the rows of a materialized view by running its SELECT again.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/exec/input.h"
#include "engine/exec/joined_table.h"
#include "engine/exec/view_state.h"
#include "engine/plan/view_plan.h"

namespace engine {

class ViewComputation;

// Takes the rows of the inputs at any time, and computes the view when the task asks, at a cut of all inputs. A run has
// four parts, each of which may pause:
//
//   gather    copies the rows of all inputs               the inputs do not change, because the task takes no records
//   compute   runs the SELECT and sorts its rows by key   on another thread, if there is one
//   put       writes the new and the changed rows
//   erase     deletes the rows that are no longer there
//
// During the last two parts the operator is publishing: readers would see a part of the changes, so scans do not begin.
// A restart repeats the run, and compares its result with the rows that were already written.
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
  // Between two parts of a run a commit may be made: a restart repeats the run.
  bool holds_commits_back() const override { return false; }
  Status readable() const override;

  // --- For the task
  // Returns the time from which the view may be computed again: a view rests four times as long as its last run took,
  // and at least for the setting view.interval. While a reader waits for rows, the view does not rest.
  int64_t due_at_us() const { return is_awaited_ ? 0 : state_.due_at_us; }
  void set_awaited(bool is_awaited) { is_awaited_ = is_awaited; }
  // Returns whether rows have arrived since the last run has begun, or no run has begun.
  bool is_dirty() const { return is_dirty_; }
  // Begins a run. All inputs must be at the cut.
  void begin_run();
  bool is_publishing() const;
  bool only_reads() const;
  // Returns whether all work waits for the other thread.
  bool waits_aside() const;
  const ViewState& state() const { return state_; }

 private:
  struct Run;
  RecomputeOperator(TaskContext& context, const RecomputeStep& step, const Layout& layout,
                    std::vector<InputOperator*> inputs);
  Status gather_some();
  void compute();
  Status take_result();
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
  bool is_dirty_ = true;
  bool is_awaited_ = false;
  std::unique_ptr<Run> run_;
  ViewState state_;
};

}  // namespace engine
