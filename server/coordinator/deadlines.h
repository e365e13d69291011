// The timers of the coordinators on one loop. The loop needs only one timer of its own, for the
// earliest of them.
#pragma once
#include <absl/container/btree_map.h>

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>

namespace server::coordinator {

// The handle of a timer. `number` is 0 if the timer is not set.
struct Deadline {
  int64_t at_us = 0;  // time of the monotonic clock
  uint64_t number = 0;
  bool is_set() const { return number != 0; }
  auto operator<=>(const Deadline&) const = default;
};

// Invariant: timers with the same time run in the order in which they were set. Threads: one
// loop's. Owner: the owner of the loop. It outlives all objects that set timers.
class Deadlines {
 public:
  // Sets a timer. run_due() calls `on_time` once.
  Deadline set(int64_t at_us, std::function<void()> on_time);
  // Cancels the timer, if it is set, and resets the handle. When a timer runs, its handle is not
  // reset: the callback has to reset it.
  void cancel(Deadline& deadline);

  // Calls `tell` when a timer is set that is earlier than all others, so that the caller can set
  // the loop's timer again.
  void on_sooner(std::function<void()> tell) { tell_sooner_ = std::move(tell); }

  // Returns the time of the earliest timer, or nullopt if no timer is set.
  std::optional<int64_t> next_us() const;
  // Runs due timers one after the other, until `is_slice_over` returns true.
  void run_due(int64_t now_us, const std::function<bool()>& is_slice_over);

 private:
  absl::btree_map<Deadline, std::function<void()>> pending_;
  uint64_t last_number_ = 0;
  std::function<void()> tell_sooner_;
};

}  // namespace server::coordinator
