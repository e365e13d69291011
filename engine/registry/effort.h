// Limits the work that the examination of one schema may take.
#pragma once
#include <atomic>
#include <cstdint>

namespace engine {

// The work of an examination is counted in steps, and not as time, so that the same schema is always accepted or always
// refused. A step is about ten nanoseconds, the time to read one byte of a schema.
struct EffortLimit {
  static constexpr int64_t kMost = 300'000'000;           // for work on a thread of its own
  static constexpr int64_t kMostOnMetadata = 30'000'000;  // for work that blocks all statements
  int64_t steps = kMost;
  // True when the caller no longer needs the result.
  const std::atomic<bool>* is_unwanted = nullptr;
};

// Counts the steps of the examination of one schema, and ends it when the limit is reached.
//
// Threads: one. Owner: the code that examines the schema.
class Effort {
 public:
  explicit Effort(const EffortLimit& limit) : left_(limit.steps), limit_(limit) {}

  // Call it before doing `steps` steps of work. If the limit is exceeded or the work is no longer
  // wanted, this call and all later ones return false.
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
  static constexpr int64_t kLookEvery = 100'000;  // steps, which take about a millisecond

  int64_t left_, next_look_ = 0;
  const EffortLimit limit_;
};

}  // namespace engine
