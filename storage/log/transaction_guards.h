// Detects that a transaction has ended between the coordinator's confirmation of a batch and the
// append of the batch. Without this check, the batch could be appended after the end marker of its
// own transaction. It would then begin another transaction, which would never end.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "storage/log/topic_partition.h"

namespace storage {

// The caller takes a guard before it asks the coordinator whether the producer's transaction
// includes the partition. It then passes the guard with the batch to the append. Threads: any.
class TransactionGuard {
 public:
  // Fails if a marker of the producer was appended, or the leader has changed, since the guard was
  // taken.
  Status check() const {
    switch (state_.load(std::memory_order_acquire)) {
      case State::Open:
        return {};
      case State::Ended:
        // The transaction that ended may be an earlier one of this producer. The error makes the
        // client retry, and the coordinator is then asked again.
        return Error{ErrorCode::NotEnoughReplicas, "the transaction has ended in the meantime"};
      case State::Moved:
        return Error{ErrorCode::NotLeader,
                     "the leader of the partition has changed in the meantime"};
    }
    return {};
  }
  // Sets the epoch of the coordinator that answered. If that coordinator is replaced, its answer no
  // longer counts, because it does not learn of transactions that end later.
  void answered_under(int32_t coordinator_epoch) { coordinator_epoch_.store(coordinator_epoch); }
  int32_t coordinator_epoch() const { return coordinator_epoch_.load(); }

 private:
  friend class TransactionGuards;
  enum class State : uint8_t { Open, Ended, Moved };
  std::atomic<State> state_{State::Open};
  std::atomic<int32_t> coordinator_epoch_{INT32_MAX};
};

// The guards of all appends whose transaction is being confirmed by its coordinator. The log's writer ends a guard when
// it appends an end marker of the producer; the append with this guard then fails.
//
// Threads: take() from any; the other methods on that of the log's writer.
class TransactionGuards {
 public:
  std::shared_ptr<TransactionGuard> take(const TopicPartition& partition, ProducerId producer);
  // Called before a marker of the producer is appended.
  void end(const TopicPartition& partition, ProducerId producer);
  // Called when the leader of the partition changes.
  void move(const TopicPartition& partition);

 private:
  using State = TransactionGuard::State;
  using Held = std::vector<std::weak_ptr<TransactionGuard>>;
  static constexpr size_t kFirstSweep = 1'000;
  void sweep();
  void give_up(const Held& held, State why);

  std::atomic<bool> are_any_ = false;
  std::mutex mutex_;
  // Guarded by mutex_. sweep() removes the expired guards when the count has doubled.
  absl::flat_hash_map<std::pair<TopicPartition, ProducerId>, Held> guards_;
  size_t held_ = 0;
  size_t sweep_at_ = kFirstSweep;
};

}  // namespace storage
