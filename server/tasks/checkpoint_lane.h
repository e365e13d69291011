// The objects that the checkpoints of all journals on a node have in common: the state store to
// which they are written, the limit of their memory, and the interval between retries.
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

// Decides when a checkpoint of a journal partition is due. Tests make checkpoints frequent.
struct CheckpointPolicy {
  // A checkpoint is due when the oldest data that no checkpoint contains has this age. If the
  // amount of data is small, the age is 30 times as long.
  int64_t interval_ms = 10'000;
  // A checkpoint is also due when the journal has this much data that no checkpoint contains.
  int64_t journal_bytes = 16 << 20;
  // Limit for the changes that one pass of a checkpoint reads into memory (FrozenJournal). A single
  // larger entry may exceed it.
  int64_t pass_bytes = 32 << 20;
  int64_t chunk_keys = 5'000;  // keys in one transaction of the state store
};

// All journals share one interval between retries. If the disk is full, the retry of one journal is enough to detect
// it, so the other journals need not try as well.
//
// Threads: any. Owner: shared, since the state store may answer after the shards are destroyed.
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

  // Limits the memory of checkpoints. Checkpoints begin in the order of the calls of enter(). A
  // large one begins when no other is in progress. Several small ones may be in progress at the
  // same time, and the state store then writes them together. `begin` is called when the checkpoint
  // may begin: within this call, or later on the thread that calls leave(). If `begin` returns
  // false, the checkpoint has not begun, and leave() must not be called for it.
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
  int64_t retry_at_us_ = 0, delay_ms_ = 0;  // delay_ms_ is 0 after a success
  LogRate log_rate_{1};
  std::deque<Turn> waiting_;
  size_t writing_ = 0, writing_bytes_ = 0;  // number and size of the checkpoints that have begun
};

}  // namespace server
