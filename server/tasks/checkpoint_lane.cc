#include "server/tasks/checkpoint_lane.h"

#include <algorithm>
#include <cassert>

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
  // If several checkpoints in progress fail together, only the first failure increases the delay.
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

void CheckpointLane::enter(size_t size_bytes, std::function<bool()> begin) {
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back({size_bytes, std::move(begin)});
  }
  let_in();
}

void CheckpointLane::leave(size_t size_bytes) {
  end_turn(size_bytes);
  let_in();
}

// Called without the mutex, because `begin` may call methods of this object, for example may_try().
void CheckpointLane::let_in() {
  for (Turn turn; take_turn(turn);)
    if (!turn.begin()) end_turn(turn.size_bytes);
}

// Takes the first waiting checkpoint from the queue. Returns false if none waits, or if its size
// does not fit into the limit now.
bool CheckpointLane::take_turn(Turn& turn) {
  std::lock_guard lock(mutex_);
  if (waiting_.empty()) return false;
  const size_t bytes = writing_bytes_ + waiting_.front().size_bytes;
  if (writing_ > 0 && bytes > static_cast<size_t>(policy_.journal_bytes)) return false;
  turn = std::move(waiting_.front());
  waiting_.pop_front();
  ++writing_;
  writing_bytes_ = bytes;
  return true;
}

void CheckpointLane::end_turn(size_t size_bytes) {
  std::lock_guard lock(mutex_);
  assert(writing_ > 0 && writing_bytes_ >= size_bytes);
  --writing_;
  writing_bytes_ -= size_bytes;
}

}  // namespace server
