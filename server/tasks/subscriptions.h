// Records which shards must be woken when a partition gets records.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "storage/log/topic_partition.h"

namespace server {

// Maps each partition to the shards that read it, so that a durable commit wakes only these shards.
// A shard subscribes first, and then reads the partition. So it misses no record: it reads the
// records from before its subscription, and is woken for the later ones.
//
// Threads: any; the lock is held for a few look-ups. Owner: the node.
class Subscriptions {
 public:
  void add(const storage::TopicPartition& partition, uint32_t shard);
  void remove(const storage::TopicPartition& partition, uint32_t shard);
  // Returns one element for each of the shards 0 to `shard_count` - 1. It has those of `partitions`
  // that the shard reads.
  std::vector<std::vector<storage::TopicPartition>> readers_of(
      std::span<const storage::TopicPartition> partitions, size_t shard_count) const;

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_. By partition: one element for each subscription of a shard, in no order.
  absl::flat_hash_map<storage::TopicPartition, std::vector<uint32_t>> shards_;
};

}  // namespace server
