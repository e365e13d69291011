// Who wants to know when a partition grows.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "storage/log/topic_partition.h"

namespace server {

// Partition -> the shards that have readers of it, so that a durable commit wakes these and no
// others. A shard that subscribes looks at the partition afterwards: what became durable before is
// seen then, what comes later wakes it.
//
// Threads: any; the lock is held for a few look-ups. Owner: the node.
class Subscriptions {
 public:
  void add(const storage::TopicPartition& partition, uint32_t shard);
  void remove(const storage::TopicPartition& partition, uint32_t shard);
  // What of these concerns whom: by shard, for shards 0 to `shard_count` - 1.
  std::vector<std::vector<storage::TopicPartition>> readers_of(
      std::span<const storage::TopicPartition> partitions, size_t shard_count) const;

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_; one entry for each subscription, in no order
  absl::flat_hash_map<storage::TopicPartition, std::vector<uint32_t>> shards_;
};

}  // namespace server
