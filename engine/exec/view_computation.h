// Runs the SELECT of a view once. It may run on any thread.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "engine/exec/incremental_state.h"
#include "engine/exec/view_runner.h"
#include "engine/formats/spec.h"
#include "engine/formats/writer.h"
#include "engine/plan/plan.h"

namespace engine {

// A row of the computed view: its key, and the batch and row where its values are.
struct ComputedRow {
  std::string_view key;
  Column::SourceRow place;
};

// Threads: run() runs on any thread, once. The results are read once is_done() is true. Everything
//          else is called on the task's thread.
// Owner:   the operator and the job together; the last one deletes the object. Clock and runner outlive both.
class ViewComputation {
 public:
  // `inputs` has the rows of each port, with their keys in Batch::keys, in any order. All strings are owned.
  ViewComputation(const RecomputeStep& step, const Layout& layout, size_t key_count,
                  std::vector<std::vector<Batch>> inputs, const ViewRunner& runner,
                  const EvalContext& context);

  // Also fills the state, which is empty, with the rows of the only input. Call it before run().
  void fill(std::unique_ptr<IncrementalState> state) { state_ = std::move(state); }
  void run();
  // Cancels the run, because its result is no longer needed. run() then ends soon.
  void cancel() { is_canceled_.store(true, std::memory_order_relaxed); }
  bool is_done() const { return is_done_.load(std::memory_order_acquire); }

  const Status& status() const { return status_; }
  // All rows of the view, and the same rows in the order of their keys.
  const std::vector<Batch>& batches() const { return batches_; }
  const std::vector<ComputedRow>& rows() const { return rows_; }
  // Returns the filled state; null if none was given, or if it could not be filled (fill_error()).
  std::unique_ptr<IncrementalState> take_state() { return std::move(state_); }
  const std::optional<Error>& fill_error() const { return fill_error_; }

 private:
  Status compute();
  Status sort_by_key();
  Status check_state();

  const std::shared_ptr<const ViewPlan> view_;
  const FormatSpec key_format_;
  std::vector<ColumnDef> key_columns_;
  std::vector<std::vector<Batch>> inputs_;
  const ViewRunner& runner_;
  const Clock& clock_;
  std::map<std::string, std::string> properties_;
  Random random_;
  std::atomic<bool> is_canceled_ = false, is_done_ = false;
  Status status_;
  std::unique_ptr<IncrementalState> state_;
  std::optional<Error> fill_error_;
  std::vector<Batch> batches_;
  std::vector<EncodedRows> keys_;  // keys of each batch
  std::vector<ComputedRow> rows_;
};

}  // namespace engine
