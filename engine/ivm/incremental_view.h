// Keeps a view up to date by the changes of its input, without running its SELECT again.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "engine/formats/spec.h"
#include "engine/ivm/incremental_plan.h"
#include "engine/ivm/net_rows.h"
#include "engine/ivm/step.h"

namespace engine {

// A chain of steps. The state is in memory only. It begins as that of an empty input.
//
// After an error the object may only be destroyed.
//
// Threads: one at a time.
class IncrementalView {
 public:
  // `key_columns` are the key columns of the view's topic, and `key_format` is the format of its keys.
  static Result<std::unique_ptr<IncrementalView>> make(std::shared_ptr<const ViewPlan> view,
                                                       const IncrementalPlan& plan,
                                                       const FormatSpec& key_format,
                                                       std::span<const ColumnDef> key_columns);

  // Takes changes of the input, in the columns of the input's layout. Fails if an expression fails.
  Status take(Changes changes, const EvalContext& eval);
  // Prepares the changes of the view since the last cut, in parts: `most` is the number of groups or rows of one part.
  // Returns whether more is left to do.
  Result<bool> finish_some(size_t most, const EvalContext& eval);
  // Return the prepared changes in parts of at most `most` rows.
  Result<NetChanges> next_changes(size_t most) { return rows_->next_changes(most); }
  bool has_changes() const { return rows_->has_changes(); }
  // Returns the approximate memory of the state in bytes.
  size_t state_bytes() const;

 private:
  std::shared_ptr<const ViewPlan> view_;
  std::vector<std::unique_ptr<IncrementalStep>> steps_;
  NetRows* rows_ = nullptr;  // the last step
};

}  // namespace engine
