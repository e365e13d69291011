#include "server/tasks/subscriptions.h"

#include <algorithm>
#include <cassert>

namespace server {

void Subscriptions::add(const storage::TopicPartition& partition, uint32_t shard) {
  std::lock_guard lock(mutex_);
  shards_[partition].push_back(shard);
}

void Subscriptions::remove(const storage::TopicPartition& partition, uint32_t shard) {
  std::lock_guard lock(mutex_);
  const auto found = shards_.find(partition);
  assert(found != shards_.end());
  const auto one = std::ranges::find(found->second, shard);
  assert(one != found->second.end());
  found->second.erase(one);
  if (found->second.empty()) shards_.erase(found);
}

std::vector<std::vector<storage::TopicPartition>> Subscriptions::readers_of(
    std::span<const storage::TopicPartition> partitions, size_t shard_count) const {
  std::vector<std::vector<storage::TopicPartition>> by_shard(shard_count);
  std::lock_guard lock(mutex_);
  for (const storage::TopicPartition& partition : partitions) {
    const auto found = shards_.find(partition);
    if (found == shards_.end()) continue;
    for (const uint32_t shard : found->second) {
      std::vector<storage::TopicPartition>& its = by_shard[shard];
      // Equal subscriptions of one shard are visited directly after each other, so a comparison
      // with the last element finds duplicates.
      if (its.empty() || its.back() != partition) its.push_back(partition);
    }
  }
  return by_shard;
}

}  // namespace server
