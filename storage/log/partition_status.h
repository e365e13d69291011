// The offsets and the role of a partition, as the log's writer last published them.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/ids.h"

namespace storage {

// The role of this node for a partition.
enum class ReplicaRole : uint8_t {
  Alone = 0,     // the only replica: everything durable is visible
  Leader = 1,    // assigns offsets; records that enough followers have are visible
  Follower = 2,  // appends the batches of the leader
};

//     log_start          high_watermark     log_end
//         |  visible records    |  not yet     |
//
// A record is *durable* here if it lies before the log end, *visible* if it lies before the high
// watermark, and *acknowledged* if it has reached the state that its producer asked for (Acks).
// Only in a partition without replicas does a record reach all three states at the same time.
//
// The log's writer publishes the values after the sync of the commit that changed them. A reader
// that reads an offset here and then takes a snapshot of the store therefore finds the records
// before that offset in the snapshot. Threads: any may read; only the log's writer publishes; on a
// leader, the high watermark is advanced by the thread that counts the acknowledgements of the
// followers.
class PartitionStatus {
 public:
  Offset log_start() const { return Offset{log_start_.load(std::memory_order_acquire)}; }
  Offset log_end() const { return Offset{log_end_.load(std::memory_order_acquire)}; }
  Offset high_watermark() const { return Offset{high_watermark_.load(std::memory_order_acquire)}; }
  // Returns the offset of the first record of an undecided transaction, as of the last append. A
  // transaction whose end marker is not visible yet counts as undecided until the next append.
  Offset first_undecided() const {
    return Offset{first_undecided_.load(std::memory_order_acquire)};
  }
  // Returns the last stable offset: the first that readers of committed records may not read yet.
  Offset readable_end() const {
    return std::min(high_watermark(), std::max(first_undecided(), log_start()));
  }
  // Compaction has processed everything before `cleaned_end`. Offsets may be missing before
  // `gaps_end`.
  Offset cleaned_end() const { return Offset{cleaned_end_.load(std::memory_order_acquire)}; }
  Offset gaps_end() const { return Offset{gaps_end_.load(std::memory_order_acquire)}; }
  LeaderEpoch leader_epoch() const {
    return LeaderEpoch{leader_epoch_.load(std::memory_order_acquire)};
  }
  ReplicaRole role() const { return role_.load(std::memory_order_acquire); }
  bool is_dropped() const { return dropped_.load(); }

 protected:
  std::atomic<int64_t> log_start_{0}, log_end_{0}, high_watermark_{0}, first_undecided_{INT64_MAX};
  std::atomic<int64_t> cleaned_end_{0}, gaps_end_{0};
  std::atomic<int32_t> leader_epoch_{0};
  std::atomic<ReplicaRole> role_{ReplicaRole::Alone};
  // The operations on `dropped_` are sequentially consistent, because the log's writer and the
  // readers must agree on whether a partition was dropped before or after a turn of a LogReader
  // began.
  std::atomic<bool> dropped_{false};
};

}  // namespace storage
