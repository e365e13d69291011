// What all checkpoints of a node share: where they go, when they are due, and when to try again.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/log_rate.h"
#include "base/result.h"
#include "server/tasks/lost_tasks.h"
#include "storage/log/log.h"
#include "storage/state/state_store.h"

namespace server {

// When what a journal partition holds goes into a checkpoint. Tests make it often.
struct CheckpointPolicy {
  int64_t interval_ms = 10'000;      // at the latest; thirty times that if it is a handful
  int64_t journal_bytes = 16 << 20;  // or when so much waits
  int64_t pass_bytes =
      32 << 20;  // of changes are in memory at a time, of one that is made, and an entry
  int64_t chunk_keys = 5'000;  // in one transaction of the state store
};

// One journal that tries after a failure is enough to learn that the disk is still full, so the pace is
// one for all.
//
// Threads: any. Owner: shared, since the state store may answer after the shards are gone.
class CheckpointLane {
 public:
  CheckpointLane(storage::StateStore& state, storage::Log& log, const Clock& clock,
                 CheckpointPolicy policy)
      : state_(state), log_(log), clock_(clock), policy_(policy) {}

  storage::StateStore& state() { return state_; }
  storage::Log& log() { return log_; }
  const Clock& clock() const { return clock_; }
  const CheckpointPolicy& policy() const { return policy_; }
  LostTasks& lost() { return lost_; }

  bool may_try() const;
  void note_failure(PartitionId journal, const Error& error);
  void note_success();

  // Checkpoints are written by turns, in the order in which they come, lest much is in memory at a time: small
  // ones together, which the state store then writes together, and a large one alone. `begin` is called when it is its
  // turn, at once or on the thread of who leaves; false: it has not begun, and does not leave.
  void enter(size_t size_bytes, std::function<bool()> begin);
  void leave(size_t size_bytes);

 private:
  struct Turn {
    size_t size_bytes;
    std::function<bool()> begin;
  };
  void let_in();
  bool take_turn(Turn& turn);
  void end_turn(size_t size_bytes);

  storage::StateStore& state_;
  storage::Log& log_;
  const Clock& clock_;
  const CheckpointPolicy policy_;
  LostTasks lost_;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  int64_t retry_at_us_ = 0, delay_ms_ = 0;  // delay 0: the last one did not fail
  LogRate log_rate_{1};
  std::deque<Turn> waiting_;
  size_t writing_ = 0, writing_bytes_ = 0;  // whose turn it is
};

}  // namespace server
