// The server's clock. Tests can move it forward (--test-clock, POST /test-clock?advance_ms=N), so that timeouts of
// sessions, transactions, locks and retention end at once, however fast the machine is.
#pragma once
#include <algorithm>
#include <atomic>

#include "base/clock.h"

namespace server {

// Threads: any. The clock follows the system's clock until it is moved, and moves forward only.
class MovableClock final : public Clock {
 public:
  int64_t wall_ms() const override { return system_.wall_ms() + ahead_us_ / 1000; }
  int64_t monotonic_us() const override { return system_.monotonic_us() + ahead_us_; }
  void advance_us(int64_t by_us) { ahead_us_ += by_us; }

  // Lets tests move the clock. Called once, before the clock is shared.
  void allow_moves() { may_move_ = true; }
  bool may_move() const { return may_move_; }

 private:
  SystemClock system_;
  bool may_move_ = false;
  std::atomic<int64_t> ahead_us_ = 0;
};

// Returns the time in ms after which a timer has to look at `clock` again, if it waits for
// `wait_ms` of that clock. Timers of the system do not notice that the clock is moved, so for a
// movable clock the result is at most kLookMs.
inline int64_t timer_ms(const Clock& clock, int64_t wait_ms) {
  constexpr int64_t kLookMs = 20;
  const auto* const movable = dynamic_cast<const MovableClock*>(&clock);
  return movable && movable->may_move() ? std::min(wait_ms, kLookMs) : wait_ms;
}

}  // namespace server
