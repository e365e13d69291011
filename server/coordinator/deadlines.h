// What is to be done at a time: the timers of a loop's coordinators, which know no loop.
#pragma once
#include <absl/container/btree_map.h>

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>

namespace server::coordinator {

// Names a timer that is set; none when `number` is 0.
struct Deadline {
  int64_t at_us = 0;  // of the monotonic clock
  uint64_t number = 0;
  bool is_set() const { return number != 0; }
  auto operator<=>(const Deadline&) const = default;
};

// Invariant: what is due together runs in the order in which it was set.
// Threads: one loop's. Owner: whoever has the loop; outlives those who set deadlines.
class Deadlines {
 public:
  // `on_time` is called once, from run_due().
  Deadline set(int64_t at_us, std::function<void()> on_time);
  // Resets the handle; nothing happens when it is not set. One that has run is to be reset by its own
  // function.
  void cancel(Deadline& deadline);

  // Is told when what is due first is due sooner than before: whoever has the loop's timer.
  void on_sooner(std::function<void()> tell) { tell_sooner_ = std::move(tell); }

  // Nothing when none is set.
  std::optional<int64_t> next_us() const;
  // Runs what is due, one after the other, until `is_slice_over` says so.
  void run_due(int64_t now_us, const std::function<bool()>& is_slice_over);

 private:
  absl::btree_map<Deadline, std::function<void()>> pending_;
  uint64_t last_number_ = 0;
  std::function<void()> tell_sooner_;
};

}  // namespace server::coordinator
