// Computes with times without overflow: a result out of range becomes the nearest limit.
//
// Timestamps come from clients and may be any 64-bit number; sizes of windows, graces and
// retentions come from statements and may be as large. With saturation the ends of the range behave
// like "always" and "never"; wrapping around would make a window end before it begins.
#pragma once
#include <cstdint>
#include <limits>

namespace engine {

constexpr int64_t saturating_add(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

constexpr int64_t saturating_subtract(int64_t a, int64_t b) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return b < 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

constexpr int64_t saturating_multiply(int64_t a, int64_t b) {
  int64_t product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  return (a < 0) != (b < 0) ? std::numeric_limits<int64_t>::min()
                            : std::numeric_limits<int64_t>::max();
}

// The times of tumbling and hopping windows. A window begins at every multiple of `advance_ms` from
// 0 on, and holds the times in [start, start + size).
//
//   size 10, advance 5:   0 ........ 10
//                              5 ........ 15
//                                   10 ........ 20      a record at 12 is in two windows
//
// Invariants: 0 < advance_ms <= size_ms, 0 <= grace_ms.
struct WindowTimes {
  int64_t size_ms = 0, advance_ms = 0, grace_ms = 0;

  // Returns the start of the earliest window that holds `timestamp`. The result is greater than
  // `timestamp` if no window holds it, because it is before 0.
  constexpr int64_t first_start(int64_t timestamp) const {
    // All windows that begin at or before `after` end at or before `timestamp`.
    const int64_t after = saturating_subtract(timestamp, size_ms);
    if (after < 0) return 0;
    // No overflow: the multiple is at most `timestamp`, since advance <= size.
    return (after / advance_ms + 1) * advance_ms;
  }
  // Returns the start of the latest window that holds `timestamp`, which must not be negative.
  constexpr int64_t last_start(int64_t timestamp) const {
    return timestamp / advance_ms * advance_ms;
  }
  // Returns the number of windows that hold `timestamp`.
  constexpr int64_t count(int64_t timestamp) const {
    const int64_t first = first_start(timestamp);
    return timestamp < first ? 0 : (last_start(timestamp) - first) / advance_ms + 1;
  }
  constexpr int64_t end(int64_t start) const { return saturating_add(start, size_ms); }
  // Returns the time after its start during which a window accepts records.
  constexpr int64_t span() const { return saturating_add(size_ms, grace_ms); }
  // Returns whether stream time has reached the end of a window and its grace. A window that would
  // close after the largest time is never closed.
  constexpr bool is_closed(int64_t start, int64_t stream_time) const {
    int64_t close = 0;
    return !__builtin_add_overflow(start, span(), &close) && close <= stream_time;
  }
  // Returns the bound between closed and open windows. Windows that begin before the bound are
  // closed.
  constexpr int64_t open_from(int64_t stream_time) const {
    return saturating_add(saturating_subtract(stream_time, span()), 1);
  }
  // Returns the first start from `start` on, in steps of `advance_ms`, whose window is open.
  constexpr int64_t first_open(int64_t start, int64_t stream_time) const {
    const int64_t from = open_from(stream_time);
    if (start >= from) return start;
    const int64_t steps = (saturating_subtract(from, start) - 1) / advance_ms + 1;
    return saturating_add(start, saturating_multiply(steps, advance_ms));
  }
};

}  // namespace engine
