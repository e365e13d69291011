// The timers of a loop's coordinators, independent of the loop.
#pragma once
#include <absl/container/btree_map.h>

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>

namespace server::coordinator {

// Handle of a timer; `number` 0: not set.
struct Deadline {
  int64_t at_us = 0;  // of the monotonic clock
  uint64_t number = 0;
  bool is_set() const { return number != 0; }
  auto operator<=>(const Deadline&) const = default;
};

// Invariant: timers with the same time run in the order in which they were set. Threads: one loop's. Owner: the owner
// of the loop; outlives all users of deadlines.
class Deadlines {
 public:
  // `on_time` is called once, from run_due().
  Deadline set(int64_t at_us, std::function<void()> on_time);
  // Cancels the timer, if it is set, and resets the handle. The callback of a timer has to reset its handle itself.
  void cancel(Deadline& deadline);

  // `tell` is called when the earliest deadline becomes earlier, to reprogram the loop's timer.
  void on_sooner(std::function<void()> tell) { tell_sooner_ = std::move(tell); }

  // None if no timer is set.
  std::optional<int64_t> next_us() const;
  // Runs due timers one after the other, until `is_slice_over` returns true.
  void run_due(int64_t now_us, const std::function<bool()>& is_slice_over);

 private:
  absl::btree_map<Deadline, std::function<void()>> pending_;
  uint64_t last_number_ = 0;
  std::function<void()> tell_sooner_;
};

}  // namespace server::coordinator
