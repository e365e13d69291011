// A partition as the writer and the readers of this process share it.
#pragma once
#include <memory>

#include <absl/container/flat_hash_map.h>

#include "storage/kv/kv.h"
#include "storage/log/partition_status.h"
#include "storage/log/topic_partition.h"

namespace storage {

// What the store keeps about a partition beside its batches.
struct PartitionRow {
  PartitionKind kind = PartitionKind::Client;
  LeaderEpoch leader_epoch;
  Offset log_start;
  Offset end_when_empty;  // the log end if there is no batch: numbers are never given twice
};

// Threads: see PartitionStatus; publish() and mark_dropped() on the writer's thread.
// Owner: shared by the published maps and whoever polls its status.
class Partition final : public PartitionStatus {
 public:
  Partition(const TopicPartition& id, PartitionKind kind, TableHandle table)
      : id_(id), kind_(kind), table_(table) {}

  const TopicPartition& id() const { return id_; }
  PartitionKind kind() const { return kind_; }
  // Batches by their last offset.
  TableHandle table() const { return table_; }

  void publish(Offset log_start, Offset log_end, LeaderEpoch leader_epoch) {
    leader_epoch_.store(leader_epoch.value(), std::memory_order_release);
    log_start_.store(log_start.value(), std::memory_order_release);
    log_end_.store(log_end.value(), std::memory_order_release);
    high_watermark_.store(log_end.value(), std::memory_order_release);
  }
  void mark_dropped() { dropped_.store(true); }

 private:
  const TopicPartition id_;
  const PartitionKind kind_;
  const TableHandle table_;
};

// Published as a whole; a change is a new map.
using PartitionMap = absl::flat_hash_map<TopicPartition, std::shared_ptr<Partition>>;

}  // namespace storage
