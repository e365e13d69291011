// Measures the recent rate of events per second.
#pragma once
#include <cmath>
#include <cstdint>

// An average in which events from t seconds ago have the weight e^(-t/5). It follows a change
// within some seconds, falls to 0 without events, and needs no timer.
//
// Threads: one at a time.
class DecayingRate {
 public:
  void add(uint64_t count, int64_t now_us) {
    count_ = decayed(now_us) + static_cast<double>(count);
    at_us_ = now_us;
  }
  int64_t per_second(int64_t now_us) const { return std::llround(decayed(now_us) / kSeconds); }

 private:
  static constexpr double kSeconds = 5;  // age at which the weight of an event is 1/e
  double decayed(int64_t now_us) const {
    return count_ * std::exp(-static_cast<double>(now_us - at_us_) / (kSeconds * 1e6));
  }
  double count_ = 0;  // number of events, each weighted by its age
  int64_t at_us_ = 0;
};
