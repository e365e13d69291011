#include "server/tasks/checkpoint_lane.h"

#include <algorithm>

#include "base/log.h"

namespace server {

namespace {

constexpr int64_t kFirstDelayMs = 200, kLongestDelayMs = 3'000;

}  // namespace

bool CheckpointLane::may_try() const {
  std::lock_guard lock(mutex_);
  return delay_ms_ == 0 || clock_.monotonic_us() >= retry_at_us_;
}

void CheckpointLane::note_failure(PartitionId journal, const Error& error) {
  std::lock_guard lock(mutex_);
  const int64_t now_us = clock_.monotonic_us();
  // Those that were on their way together fail together: they are one failure.
  if (delay_ms_ == 0 || now_us >= retry_at_us_) {
    delay_ms_ = delay_ms_ == 0 ? kFirstDelayMs : std::min(delay_ms_ * 2, kLongestDelayMs);
    retry_at_us_ = now_us + delay_ms_ * 1000;
  }
  if (!log_rate_.allows(now_us)) return;
  log_error("checkpoint failed, the journal is kept journal={} error=\"{}\" not_shown={}",
            journal.value(), error.message, log_rate_.take_suppressed());
}

void CheckpointLane::note_success() {
  std::lock_guard lock(mutex_);
  delay_ms_ = 0;
}

}  // namespace server
