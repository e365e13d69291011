// What one evaluation may cost: bytes that its functions make, time, and whether anybody still wants
// its result.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "base/result.h"

namespace engine {

// No function makes a larger text, array or map, with a budget or without: a mistyped length must
// not take the memory of the whole server.
inline constexpr size_t kMaxValueBytes = size_t{64} << 20;
// What all values of one evaluation (a program over a batch of rows) take at most.
inline constexpr size_t kMaxEvaluationBytes = size_t{256} << 20;

// A function asks before it makes a value whose size an argument decides, and between pieces of work
// that may take long. Once the answer was no, it stays no until begin(): what is left of the
// evaluation is not computed (its rows are null, with an error), and the results are of no use. The
// evaluator then either fails with status(), or tries again with fewer rows.
//
// Threads: the evaluator's, but for the flag, which any thread may set.
// Owner:   the evaluator: a statement, or a task.
class EvalBudget {
 public:
  enum class Spent : uint8_t { Nothing, Bytes, Memory, Time, Canceled };
  struct Limits {
    size_t max_bytes = kMaxEvaluationBytes;
    size_t max_value_bytes = kMaxValueBytes;
    int64_t deadline_us = std::numeric_limits<int64_t>::max();  // of the clock's monotonic time
  };

  // `is_canceled` outlives the budget; null: nobody cancels. `memory`: what the server may hold, of
  // which an evaluation that takes much holds a part until the budget is gone; null: it is not asked.
  explicit EvalBudget(const Clock& clock, const std::atomic<bool>* is_canceled = nullptr,
                      MemoryBudget* memory = nullptr)
      : clock_(clock), is_canceled_(is_canceled), memory_(memory) {}

  // The next evaluation begins.
  void begin(const Limits& limits) {
    limits_ = limits;
    bytes_left_ = limits.max_bytes;
    spent_ = Spent::Nothing;
    charge_.reset();
    uncharged_bytes_ = kUnchargedBytes;
    bytes_until_look_ = kBytesPerLook;
  }

  // For values that are about to be made.
  bool take_bytes(size_t bytes) {
    if (bytes > bytes_left_) {
      if (spent_ == Spent::Nothing) spent_ = Spent::Bytes;
      return false;
    }
    if (memory_ != nullptr && limits_.max_bytes - bytes_left_ + bytes > uncharged_bytes_)
      charge(limits_.max_bytes - bytes_left_ + bytes);
    bytes_left_ -= bytes;
    // Many rows of one call may each make something.
    if (bytes_until_look_ >= bytes)
      bytes_until_look_ -= bytes;
    else if (bytes_until_look_ = kBytesPerLook; is_over())
      return false;
    return spent_ == Spent::Nothing;
  }
  // Whether one value may be so large.
  bool allows_value(size_t bytes) {
    if (bytes > limits_.max_value_bytes && spent_ == Spent::Nothing) spent_ = Spent::Bytes;
    return bytes <= limits_.max_value_bytes;
  }
  // What was taken on the way to a value, and is gone.
  void give_back(size_t bytes) { bytes_left_ += bytes; }
  // Looks at the clock and the flag; some 30 ns, so not for each of many small things.
  bool is_over() {
    if (spent_ != Spent::Nothing) return true;
    if (is_canceled_ && is_canceled_->load(std::memory_order_relaxed))
      spent_ = Spent::Canceled;
    else if (limits_.deadline_us != std::numeric_limits<int64_t>::max() &&
             clock_.monotonic_us() >= limits_.deadline_us)
      spent_ = Spent::Time;
    return spent_ != Spent::Nothing;
  }

  Spent spent() const { return spent_; }
  size_t bytes_left() const { return bytes_left_; }
  const Clock& clock() const { return clock_; }
  // An error when something is spent.
  Status status() const;

 private:
  // So much is nobody's offence, and is asked for at once.
  static constexpr size_t kUnchargedBytes = size_t{1} << 20;
  // So many are made in less than a millisecond.
  static constexpr size_t kBytesPerLook = size_t{64} << 10;
  void charge(size_t taken_bytes);

  const Clock& clock_;
  const std::atomic<bool>* const is_canceled_;
  MemoryBudget* const memory_;
  std::optional<OwnedCharge> charge_;
  std::optional<Error> refusal_;
  size_t uncharged_bytes_ = kUnchargedBytes;  // may be taken before memory is asked for again
  size_t bytes_until_look_ = kBytesPerLook;
  Limits limits_;
  size_t bytes_left_ = kMaxEvaluationBytes;
  Spent spent_ = Spent::Nothing;
};

}  // namespace engine
