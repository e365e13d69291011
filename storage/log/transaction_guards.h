// Invalidates the verification of a transaction when the transaction ends. Without this, a batch
// could be appended after the marker of its own transaction. It would begin another transaction,
// which would never end.
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

// The caller takes a guard before it asks the coordinator about a producer. It passes the guard
// with the batch, whose append depends on the coordinator's answer. Threads: any.
class TransactionGuard {
 public:
  // Fails if a marker of the producer was appended, or the leader has changed, since the guard was
  // taken.
  Status check() const {
    switch (state_.load(std::memory_order_acquire)) {
      case State::Open:
        return {};
      case State::Ended:
        // It may be an earlier transaction that has ended. The error makes the client retry, and
        // the coordinator verifies again.
        return Error{ErrorCode::NotEnoughReplicas, "the transaction has ended in the meantime"};
      case State::Moved:
        return Error{ErrorCode::NotLeader,
                     "the leader of the partition has changed in the meantime"};
    }
    return {};
  }
  // Sets the epoch of the coordinator that answered. The answer of a replaced coordinator does not
  // count, because that coordinator does not learn of later ends of transactions.
  void answered_under(int32_t coordinator_epoch) { coordinator_epoch_.store(coordinator_epoch); }
  int32_t coordinator_epoch() const { return coordinator_epoch_.load(); }

 private:
  friend class TransactionGuards;
  enum class State : uint8_t { Open, Ended, Moved };
  std::atomic<State> state_{State::Open};
  std::atomic<int32_t> coordinator_epoch_{INT32_MAX};
};

// All guards of a log. Threads: take() from any; the other methods on that of the log's writer.
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
  // Guarded by mutex_. Expired guards are removed when the count has doubled.
  absl::flat_hash_map<std::pair<TopicPartition, ProducerId>, Held> guards_;
  size_t held_ = 0;
  size_t sweep_at_ = kFirstSweep;
};

}  // namespace storage
