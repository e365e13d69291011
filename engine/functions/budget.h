// Limits one evaluation of expressions: the bytes that its functions allocate, and its time. The
// caller that waits for the result can cancel it.
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

// The largest text, array or map that a function may make, with or without a budget. A mistyped
// length in a statement must not use up the memory of the whole server.
inline constexpr size_t kMaxValueBytes = size_t{64} << 20;
// Limit for all values of one evaluation (a program over a batch of rows).
inline constexpr size_t kMaxEvaluationBytes = size_t{256} << 20;

// A function calls take_bytes() before it makes a value whose size depends on an argument, and
// is_over() between pieces of work that may take long. When a limit is reached, it stays reached
// until begin() is called. The remaining rows of the evaluation are then not computed (they are
// null, with an error), and no results may be used. The evaluator either fails with status(), or
// tries again with fewer rows.
//
// Threads: the evaluator's, except the flag for cancellation, which any thread may set.
// Owner:   the evaluator: a statement, or a task.
class EvalBudget {
 public:
  enum class Spent : uint8_t { Nothing, Bytes, Memory, Time, Canceled };
  struct Limits {
    size_t max_bytes = kMaxEvaluationBytes;
    size_t max_value_bytes = kMaxValueBytes;
    int64_t deadline_us = std::numeric_limits<int64_t>::max();  // time of the monotonic clock
  };

  // `is_canceled` must outlive the budget; null: the evaluation cannot be cancelled. `memory` is
  // the budget of the server: a large evaluation reserves a part of it until the next begin().
  // Null: nothing is reserved.
  explicit EvalBudget(const Clock& clock, const std::atomic<bool>* is_canceled = nullptr,
                      MemoryBudget* memory = nullptr)
      : clock_(clock), is_canceled_(is_canceled), memory_(memory) {}

  // Starts the next evaluation.
  void begin(const Limits& limits) {
    limits_ = limits;
    bytes_left_ = limits.max_bytes;
    spent_ = Spent::Nothing;
    charge_.reset();
    uncharged_bytes_ = kUnchargedBytes;
    bytes_until_look_ = kBytesPerLook;
  }

  // Reserves bytes for values. Call it before the values are made. Returns false if a limit is reached.
  bool take_bytes(size_t bytes) {
    if (bytes > bytes_left_) {
      if (spent_ == Spent::Nothing) spent_ = Spent::Bytes;
      return false;
    }
    if (memory_ != nullptr && limits_.max_bytes - bytes_left_ + bytes > uncharged_bytes_)
      charge(limits_.max_bytes - bytes_left_ + bytes);
    bytes_left_ -= bytes;
    // One call may make values in many rows, so the clock is checked from time to time.
    if (bytes_until_look_ >= bytes)
      bytes_until_look_ -= bytes;
    else if (bytes_until_look_ = kBytesPerLook; is_over())
      return false;
    return spent_ == Spent::Nothing;
  }
  // Returns whether a single value may have this size.
  bool allows_value(size_t bytes) {
    if (bytes > limits_.max_value_bytes && spent_ == Spent::Nothing) spent_ = Spent::Bytes;
    return bytes <= limits_.max_value_bytes;
  }
  // Gives back the bytes of intermediate values that have been freed.
  void give_back(size_t bytes) { bytes_left_ += bytes; }
  // Checks the clock and the flag for cancellation. This takes some 30 ns, so do not call it for each small item.
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
  // Returns an error if a limit has been reached.
  Status status() const;

 private:
  // An evaluation that takes at most this number of bytes reserves nothing in the server's budget.
  // Reservations grow in steps of this size.
  static constexpr size_t kUnchargedBytes = size_t{1} << 20;
  // The number of bytes between two checks of the clock. Functions make these bytes in less than a millisecond.
  static constexpr size_t kBytesPerLook = size_t{64} << 10;
  void charge(size_t taken_bytes);

  const Clock& clock_;
  const std::atomic<bool>* const is_canceled_;
  MemoryBudget* const memory_;
  std::optional<OwnedCharge> charge_;
  std::optional<Error> refusal_;
  // number of bytes that may be taken before the next reservation
  size_t uncharged_bytes_ = kUnchargedBytes;
  size_t bytes_until_look_ = kBytesPerLook;
  Limits limits_;
  size_t bytes_left_ = kMaxEvaluationBytes;
  Spent spent_ = Spent::Nothing;
};

}  // namespace engine
