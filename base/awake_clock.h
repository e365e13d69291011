// A clock that does not count the time during which the process was stopped.
#pragma once
#include <cstdint>

#include "base/clock.h"

// Measures time-outs. A process that was stopped (SIGSTOP, a paused virtual machine) has not
// received the answers that arrived meanwhile. So its time-outs continue with the time that was
// left before the stop. A stop counts as one second, like a delay of a busy process. A stop of more
// than an hour counts in full, because other nodes no longer wait for the requests.
//
// Threads: one, which ticks more than once a second.
class AwakeClock final : public Clock {
 public:
  explicit AwakeClock(const Clock& clock)
      : clock_(clock), ticked_us_(clock.monotonic_us()), awake_us_(ticked_us_) {}

  void tick() {
    awake_us_ = monotonic_us();
    ticked_us_ = clock_.monotonic_us();
  }
  int64_t wall_ms() const override { return clock_.wall_ms(); }
  int64_t monotonic_us() const override {
    const int64_t passed_us = clock_.monotonic_us() - ticked_us_;
    const bool was_asleep = passed_us > kBusyUs && passed_us <= kForgottenUs;
    return awake_us_ + (was_asleep ? kBusyUs : passed_us);
  }

 private:
  static constexpr int64_t kBusyUs = 1'000'000, kForgottenUs = 3'600'000'000;

  const Clock& clock_;
  int64_t ticked_us_, awake_us_;  // awake_us_ is the time awake at ticked_us_
};
