// Time that leaves out what a process slept through.
#pragma once
#include <cstdint>

#include "base/clock.h"

// Patience is measured with it: who was stopped (SIGSTOP, a virtual machine that was paused) has not heard what was
// answered meanwhile, and goes on with the patience that was left. A pause counts as a second, as anybody's who is
// merely busy may; one of more than an hour counts in full, since others have forgotten by then what was asked.
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
  int64_t ticked_us_, awake_us_;  // the latter as of the former
};
