// The work of the log's writer between two commits. It removes a limited part (a slice) of the dropped or trimmed data,
// removes the states of expired producers, and notifies callers that wait for disk space.
#include "base/log.h"
#include "storage/kv/crash_point.h"
#include "storage/log/log_core.h"

namespace storage {

namespace {

// Pauses between two slices of removals. The first one follows a slice that could not be stored.
// The second one applies while all remaining removals wait for readers to close their snapshots.
constexpr int64_t kPauseAfterFailureUs = 250'000, kPauseForReadersUs = 5'000;

}  // namespace

// Returns how long the writer may sleep without requests.
RequestQueue::Patience LogCore::patience() const {
  RequestQueue::Patience patience;
  const auto at_most = [&](std::chrono::milliseconds limit) {
    patience = patience ? std::min(*patience, limit) : limit;
  };
  // The free space is watched even when nothing is written.
  if (space_.reserve_bytes() > 0)
    at_most(std::chrono::milliseconds(space_.is_full() ? SpaceWatch::kLookAgainMs
                                                       : SpaceWatch::kWatchEveryMs));
  if (removals_->size() > 0 && !failed_) {
    const int64_t pause_us = std::max<int64_t>(0, removals_resume_us_ - clock_.monotonic_us());
    at_most(std::chrono::milliseconds((pause_us + 999) / 1000));
  }
  if (!failed_) at_most(std::chrono::milliseconds(producers_->due_in_ms(clock_.wall_ms())));
  return patience;
}

void LogCore::sweep_producers() {
  const int64_t now_ms = clock_.wall_ms();
  if (failed_ || producers_->due_in_ms(now_ms) > 0) return;
  // If the removal cannot be stored, the next sweep finds the same producers again.
  if (const Status swept = sweep_some_producers(now_ms); !swept)
    log_debug("cannot remove expired producers error={}", swept.error().message);
}

Status LogCore::sweep_some_producers(int64_t now_ms) {
  const auto transaction = TRY(store_->begin_write());
  const size_t removed = TRY(producers_->work(*transaction, now_ms));
  if (removed == 0) return {};
  Status committed = transaction->commit();
  if (!committed && committed.error().code != ErrorCode::DiskFull) fail(committed.error());
  return committed;
}

// Removes a slice of dropped data in a transaction of its own. If it were part of a group of requests, its failure
// would make the requests fail, too. On a full disk only such transactions free space.
void LogCore::remove_a_slice() {
  if (removals_->size() == 0 || failed_) return;
  const int64_t now_us = clock_.monotonic_us();
  if (now_us < removals_resume_us_) return;
  const Result<bool> has_worked = try_slice();
  pending_removals_ = removals_->size();
  // After a slice, removals pause for as long as the slice took, so that requests get at least half
  // of the writer's time. On a full disk they do not pause, since requests wait for space.
  const int64_t end_us = clock_.monotonic_us();
  if (has_worked && *has_worked)
    removals_resume_us_ = space_.is_full() ? end_us : end_us + (end_us - now_us);
  else
    removals_resume_us_ = end_us + (has_worked ? kPauseForReadersUs : kPauseAfterFailureUs);
  if (!has_worked) {
    removals_->failed();
    log_debug("removal postponed error={}", has_worked.error().message);
  }
}

Result<bool> LogCore::try_slice() {
  const auto transaction = TRY(store_->begin_write());
  const bool has_worked = TRY(removals_->work(*transaction, epochs_));
  if (!has_worked) return false;
  pass(CrashPoint::BeforeLogCommit);
  if (Status committed = transaction->commit(); !committed) {
    if (committed.error().code != ErrorCode::DiskFull) fail(committed.error());
    return std::move(committed).error();
  }
  removals_->committed();
  space_.space_was_freed();
  return true;
}

// --- Space

void LogCore::when_writable(std::function<void()> retry) {
  {
    std::lock_guard lock(mutex_);
    writable_waiters_.push_back(std::move(retry));
  }
  queue_.nudge();
}

void LogCore::notify_writable() {
  if (failed_) return;
  space_.watch();
  if (!space_.is_writable()) return;
  std::vector<std::function<void()>> waiters;
  {
    std::lock_guard lock(mutex_);
    waiters = std::exchange(writable_waiters_, {});
  }
  for (const auto& retry : waiters) retry();
}

// Returns how many more client partitions may be created. The table of a dropped partition counts
// until it is removed.
size_t LogCore::free_tables(const PartitionMap& partitions) const {
  const size_t taken = partitions.count(PartitionKind::Client) + removals_->table_count();
  return taken < options_.max_partitions ? options_.max_partitions - taken : 0;
}

}  // namespace storage
