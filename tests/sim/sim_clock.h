// The clock of a simulated machine.
#pragma once
#include "base/clock.h"
#include "tests/sim/event_queue.h"

namespace sim {

// Virtual time, and a wall clock that jumps.
class SimClock final : public Clock {
 public:
  explicit SimClock(const EventQueue& queue) : queue_(queue) {}
  int64_t wall_ms() const override { return 1'700'000'000'000 + queue_.now_us() / 1000 + jump_ms_; }
  int64_t monotonic_us() const override { return queue_.now_us() + 1; }
  void jump_ms(int64_t by) { jump_ms_ += by; }

 private:
  const EventQueue& queue_;
  int64_t jump_ms_ = 0;
};

}  // namespace sim
