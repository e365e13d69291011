#include "storage/log/partition.h"

#include <algorithm>
#include <cassert>

namespace storage {

void Partition::publish(const PartitionState& state) {
  std::lock_guard lock(mutex_);
  Offset high_watermark = state.log_end;
  if (state.role != ReplicaRole::Alone) {
    high_watermark = std::min(state.high_watermark, state.log_end);
    // advance_high_watermark() may have moved the high watermark since the commit began.
    if (role() == state.role && leader_epoch() == state.leader_epoch)
      high_watermark = std::min(std::max(high_watermark, this->high_watermark()), state.log_end);
  }
  newest_epoch_ = state.newest_epoch;
  role_.store(state.role, std::memory_order_release);
  leader_epoch_.store(state.leader_epoch.value(), std::memory_order_release);
  cleaned_end_.store(state.cleaned_end.value(), std::memory_order_release);
  gaps_end_.store(state.gaps_end.value(), std::memory_order_release);
  log_start_.store(state.log_start.value(), std::memory_order_release);
  log_end_.store(state.log_end.value(), std::memory_order_release);
  first_undecided_.store(state.first_undecided.value(), std::memory_order_release);
  high_watermark_.store(high_watermark.value(), std::memory_order_release);
}

bool Partition::advance_high_watermark(LeaderEpoch epoch, Offset offset) {
  std::lock_guard lock(mutex_);
  if (role() == ReplicaRole::Alone || leader_epoch() != epoch) return false;
  const Offset moved = std::min(offset, log_end());
  if (moved <= high_watermark()) return false;
  high_watermark_.store(moved.value(), std::memory_order_release);
  return true;
}

PartitionMap::PartitionMap() { buckets_.fill(std::make_shared<const Bucket>()); }

std::shared_ptr<const PartitionMap> PartitionMap::with(Partitions added, Partitions removed) const {
  auto next = std::make_shared<PartitionMap>(*this);
  absl::flat_hash_map<size_t, std::shared_ptr<Bucket>> own;
  const auto writable = [&](const TopicPartition& id) -> Bucket& {
    const size_t index = bucket_of(id);
    std::shared_ptr<Bucket>& copy = own[index];
    if (copy == nullptr) {
      copy = std::make_shared<Bucket>(*buckets_[index]);
      next->buckets_[index] = copy;
    }
    return *copy;
  };
  for (const auto& partition : added) {
    writable(partition->id()).insert_or_assign(partition->id(), partition);
    ++next->counts_[static_cast<size_t>(partition->kind())];
  }
  for (const auto& partition : removed) {
    Bucket& bucket = writable(partition->id());
    // If a new partition with the same id has already replaced the removed one, the new one is
    // kept.
    if (const auto known = bucket.find(partition->id());
        known != bucket.end() && known->second == partition)
      bucket.erase(known);
    --next->counts_[static_cast<size_t>(partition->kind())];
  }
  return next;
}

}  // namespace storage
