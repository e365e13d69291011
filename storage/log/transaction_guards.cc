#include "storage/log/transaction_guards.h"

#include <algorithm>

namespace storage {

std::shared_ptr<TransactionGuard> TransactionGuards::take(const TopicPartition& partition,
                                                          ProducerId producer) {
  const std::lock_guard lock(mutex_);
  if (held_ >= sweep_at_) sweep();
  auto guard = std::make_shared<TransactionGuard>();
  guards_[{partition, producer}].push_back(guard);
  ++held_;
  are_any_ = true;
  return guard;
}

void TransactionGuards::sweep() {
  held_ = 0;
  absl::erase_if(guards_, [this](auto& entry) {
    std::erase_if(entry.second, [](const auto& guard) { return guard.expired(); });
    held_ += entry.second.size();
    return entry.second.empty();
  });
  sweep_at_ = std::max(kFirstSweep, held_ * 2);
}

void TransactionGuards::end(const TopicPartition& partition, ProducerId producer) {
  if (!are_any_) return;
  const std::lock_guard lock(mutex_);
  const auto found = guards_.find({partition, producer});
  if (found == guards_.end()) return;
  give_up(found->second, State::Ended);
  guards_.erase(found);
}

void TransactionGuards::move(const TopicPartition& partition) {
  if (!are_any_) return;
  const std::lock_guard lock(mutex_);
  absl::erase_if(guards_, [&](auto& entry) {
    if (entry.first.first != partition) return false;
    give_up(entry.second, State::Moved);
    return true;
  });
}

void TransactionGuards::give_up(const Held& held, State why) {
  for (const auto& each : held)
    if (const auto guard = each.lock()) guard->state_ = why;
  held_ -= std::min(held_, held.size());
}

}  // namespace storage
