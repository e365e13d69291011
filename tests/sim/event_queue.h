// Runs the events of a simulation in virtual time, one after the other.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

namespace sim {

// Events of the same time happen in the order in which they were planned, so a run repeats exactly.
class EventQueue {
 public:
  int64_t now_us() const { return now_us_; }
  void at(int64_t time_us, std::function<void()> event) {
    events_.emplace(std::pair(std::max(time_us, now_us_), next_++), std::move(event));
  }
  void after(int64_t delay_us, std::function<void()> event) {
    at(now_us_ + delay_us, std::move(event));
  }
  // Returns false when no event is left up to that time.
  bool step(int64_t until_us) {
    if (events_.empty() || events_.begin()->first.first > until_us) {
      now_us_ = until_us;
      return false;
    }
    auto first = events_.extract(events_.begin());
    now_us_ = first.key().first;
    first.mapped()();
    return true;
  }

 private:
  int64_t now_us_ = 0;
  uint64_t next_ = 0;
  std::map<std::pair<int64_t, uint64_t>, std::function<void()>> events_;
};

}  // namespace sim
