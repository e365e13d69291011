// How many records a second a task has taken lately.
#pragma once
#include <cmath>
#include <cstdint>

namespace server {

// An average in which what lies t seconds back counts e^(-t/5): it follows a change within some
// seconds, falls to nothing when a task is idle, and needs no timer.
//
// Threads: one. Owner: the shard's entry of the task.
class TaskRate {
 public:
  void add(uint64_t records, int64_t now_us) {
    records_ = decayed(now_us) + static_cast<double>(records);
    at_us_ = now_us;
  }
  int64_t per_second(int64_t now_us) const { return std::llround(decayed(now_us) / kSeconds); }

 private:
  static constexpr double kSeconds = 5;
  double decayed(int64_t now_us) const {
    return records_ * std::exp(-static_cast<double>(now_us - at_us_) / (kSeconds * 1e6));
  }
  double records_ = 0;  // each weighted by its age
  int64_t at_us_ = 0;
};

}  // namespace server
