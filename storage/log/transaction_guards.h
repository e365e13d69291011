// What is verified of a transaction counts until its end: a batch that comes behind the marker of its own transaction
// would begin another one, which nobody ends.
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

// Taken before the coordinator is asked about a producer, and given with the batch that is appended because of the
// answer. Threads: any.
class TransactionGuard {
 public:
  // Fails when a marker of the producer has come since, or another leader.
  Status check() const {
    switch (state_.load(std::memory_order_acquire)) {
      case State::Open:
        return {};
      case State::Ended:
        // Which may be the one before: who verified it is asked again, and knows.
        return Error{ErrorCode::NotEnoughReplicas, "the transaction has ended meanwhile"};
      case State::Moved:
        return Error{ErrorCode::NotLeader, "the partition had another leader meanwhile"};
    }
    return {};
  }
  // Under which epoch he coordinates who has answered: one who was replaced knows nothing of later ends.
  void answered_under(int32_t coordinator_epoch) { coordinator_epoch_.store(coordinator_epoch); }
  int32_t coordinator_epoch() const { return coordinator_epoch_.load(); }

 private:
  friend class TransactionGuards;
  enum class State : uint8_t { Open, Ended, Moved };
  std::atomic<State> state_{State::Open};
  std::atomic<int32_t> coordinator_epoch_{INT32_MAX};
};

// Those of a log. Threads: take() from any; the rest is its writer's.
class TransactionGuards {
 public:
  std::shared_ptr<TransactionGuard> take(const TopicPartition& partition, ProducerId producer);
  // A marker of the producer is about to be appended.
  void end(const TopicPartition& partition, ProducerId producer);
  // Somebody else leads the partition, or did.
  void move(const TopicPartition& partition);

 private:
  using State = TransactionGuard::State;
  using Held = std::vector<std::weak_ptr<TransactionGuard>>;
  static constexpr size_t kFirstSweep = 1'000;
  void sweep();
  void give_up(const Held& held, State why);

  std::atomic<bool> are_any_ = false;
  std::mutex mutex_;
  // Guarded by mutex_. Those that are gone go when as many have come.
  absl::flat_hash_map<std::pair<TopicPartition, ProducerId>, Held> guards_;
  size_t held_ = 0;
  size_t sweep_at_ = kFirstSweep;
};

}  // namespace storage
