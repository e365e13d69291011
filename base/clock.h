// The only source of time for logic: real in the server, frozen or stepped in tests.
#pragma once
#include <atomic>
#include <cstdint>

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t wall_ms() const = 0;       // since 1970-01-01 UTC; may jump
  virtual int64_t monotonic_us() const = 0;  // since an arbitrary start; never goes back
};

class SystemClock final : public Clock {
 public:
  int64_t wall_ms() const override;
  int64_t monotonic_us() const override;
};

// A clock that moves only when a test advances it. Other threads may read the clock at any time.
class SimulatedClock final : public Clock {
 public:
  explicit SimulatedClock(int64_t start_wall_ms = 0) : wall_us_(start_wall_ms * 1000) {}
  int64_t wall_ms() const override { return wall_us_ / 1000; }
  int64_t monotonic_us() const override { return passed_us_; }
  void advance_us(int64_t by_us) {
    wall_us_ += by_us;
    passed_us_ += by_us;
  }

 private:
  std::atomic<int64_t> wall_us_, passed_us_ = 0;
};
