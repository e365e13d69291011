// One step of an incremental view.
#pragma once
#include <cstddef>
#include <memory>
#include <utility>

#include "base/result.h"
#include "engine/expr/program.h"
#include "engine/ivm/changes.h"

namespace engine {

// Takes changes and passes on what follows from them: at once (map, filter), or only at the cut (reduce).
//
// After an error the step may only be destroyed, because it may have taken a part of the changes.
//
// Threads: one at a time.
class IncrementalStep {
 public:
  virtual ~IncrementalStep() = default;
  virtual Status take(Changes changes, const EvalContext& eval) = 0;
  // Passes on the changes of the next groups, at most `most`, that have changed since the last cut. Returns whether more
  // are left. All steps in front must have finished.
  virtual Result<bool> finish_some(size_t /*most*/, const EvalContext& /*eval*/) { return false; }
  // Returns the approximate memory of the state in bytes.
  virtual size_t state_bytes() const { return 0; }

  void feed(IncrementalStep* next) { next_ = next; }

 protected:
  Status pass_on(Changes changes, const EvalContext& eval) {
    return changes.rows == 0 ? Status{} : next_->take(std::move(changes), eval);
  }

 private:
  IncrementalStep* next_ = nullptr;
};

// Computes columns for each row.
class MapStep final : public IncrementalStep {
 public:
  explicit MapStep(std::span<const BoundExpression> columns) : program_(columns) {}
  Status take(Changes changes, const EvalContext& eval) override;

 private:
  const Program program_;
};

// Passes on the rows for which the condition is true.
class KeepStep final : public IncrementalStep {
 public:
  explicit KeepStep(const BoundExpression& condition) : program_(condition) {}
  Status take(Changes changes, const EvalContext& eval) override;

 private:
  const Program program_;
};

// Computes the program's columns. Fails with the error of the first row for which an expression fails.
Result<std::vector<ColumnPtr>> columns_of(const Program& program, const Changes& changes,
                                          const EvalContext& eval);

}  // namespace engine
