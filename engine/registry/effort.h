// How much work the examination of one schema may be.
#pragma once
#include <atomic>
#include <cstdint>

namespace engine {

// A step is about ten nanoseconds: what it takes to read a byte of a schema.
struct EffortLimit {
  static constexpr int64_t kMost = 300'000'000;           // of what has a thread for itself
  static constexpr int64_t kMostOnMetadata = 30'000'000;  // of what every other statement waits for
  int64_t steps = kMost;
  // True when nobody waits for the answer any more.
  const std::atomic<bool>* is_unwanted = nullptr;
};

// Threads: one. Owner: whoever examines the schema.
class Effort {
 public:
  explicit Effort(const EffortLimit& limit) : left_(limit.steps), limit_(limit) {}

  // Before so many steps are made; false, from then on, when they are not to be had.
  bool spend(int64_t steps) {
    left_ -= steps;
    if (limit_.is_unwanted && (next_look_ -= steps) < 0) {
      next_look_ = kLookEvery;
      if (limit_.is_unwanted->load(std::memory_order_relaxed)) left_ = -1;
    }
    return left_ >= 0;
  }
  bool is_spent() const { return left_ < 0; }

 private:
  static constexpr int64_t kLookEvery = 100'000;  // a millisecond

  int64_t left_, next_look_ = 0;
  const EffortLimit limit_;
};

}  // namespace engine
