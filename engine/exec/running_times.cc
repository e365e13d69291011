#include "engine/exec/running_times.h"

#include <algorithm>

namespace engine {

void RunningTimes::note(std::span<const int64_t> offsets, std::span<const int64_t> timestamps,
                        const std::function<bool(int64_t)>& is_too_far) {
  int64_t time = steps_.empty() ? before_ : steps_.back().time;
  for (size_t i = 0; i < offsets.size(); ++i) {
    if (timestamps[i] <= time || is_too_far(timestamps[i])) continue;
    time = timestamps[i];
    steps_.push_back({offsets[i], time});
  }
}

std::vector<int64_t> RunningTimes::of(std::span<const int64_t> offsets) const {
  std::vector<int64_t> times;
  times.reserve(offsets.size());
  if (offsets.empty()) return times;
  auto next = std::ranges::upper_bound(steps_, offsets.front(), {}, &Step::offset);
  for (const int64_t offset : offsets) {
    while (next != steps_.end() && next->offset <= offset) ++next;
    times.push_back(next == steps_.begin() ? before_ : std::prev(next)->time);
  }
  return times;
}

int64_t RunningTimes::forget_before(int64_t offset) {
  const auto kept = std::ranges::lower_bound(steps_, offset, {}, &Step::offset);
  if (kept != steps_.begin()) before_ = std::prev(kept)->time;
  steps_.erase(steps_.begin(), kept);
  return before_;
}

}  // namespace engine
