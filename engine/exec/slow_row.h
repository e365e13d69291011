// Evaluates a row on another thread if its expressions take too long for the thread that steps the
// task.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/expr/program.h"
#include "engine/functions/kernel.h"
#include "engine/types/batch.h"

namespace engine {

// Results of expressions for the rows of a batch, and for the old rows.
struct RowResults {
  std::vector<Evaluated> now, old;
};

struct RowExpressions {
  Program program;
  bool evaluates_old;  // whether batches may have old rows, which are evaluated too

  RowResults run(const Batch& batch, const EvalContext& context) const;
};

// Evaluates one row on another thread.
//
// Threads: evaluate() runs on any thread, once. take_results() and cpu_us() may be called once
//          is_done() is true. Everything else is called on the task's thread.
// Owner:   the operator and the job together; the last one deletes the object. The clock outlives both.
class SlowRow {
 public:
  // `row` must own its strings.
  SlowRow(std::shared_ptr<const RowExpressions> expressions, Batch row, const EvalContext& context);

  void evaluate();
  // Cancels the evaluation, because its results are no longer needed: evaluate() ends soon.
  void cancel() { is_canceled_.store(true, std::memory_order_relaxed); }

  bool is_done() const { return is_done_.load(std::memory_order_acquire); }
  RowResults take_results() { return std::move(results_); }
  int64_t cpu_us() const { return cpu_us_; }

  const Batch& row() const { return row_; }
  int64_t begun_us() const { return begun_us_; }  // time of the monotonic clock

 private:
  const std::shared_ptr<const RowExpressions> expressions_;
  const Batch row_;
  const Clock& clock_;
  const std::map<std::string, std::string> properties_;
  Random random_;
  const int64_t begun_us_;
  int64_t cpu_us_ = 0;
  RowResults results_;
  std::atomic<bool> is_canceled_ = false, is_done_ = false;
};

}  // namespace engine
