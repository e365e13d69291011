// Where a partition stands, as its writer last published it.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/ids.h"

namespace storage {

// What this node is for a partition.
enum class ReplicaRole : uint8_t {
  Alone = 0,     // it has the only replica: what is durable is visible
  Leader = 1,    // gives offsets; what enough followers have too is visible
  Follower = 2,  // takes what the leader has appended
};

//     log_start          high_watermark     log_end
//         |  visible records    |  not yet     |
//
// Three things that only a partition without replicas has at once: a record is *durable* here when it
// lies before the log end, *visible* when it lies before the high watermark, and *acknowledged* when
// it has got as far as its producer asked (Acks).
//
// Published after the sync of the commit that moved them, so whoever reads a number here will find
// the records it speaks of in a snapshot taken later. Threads: any may read; the log's writer
// publishes, and the high watermark of a leader is moved by whoever counts its followers.
class PartitionStatus {
 public:
  Offset log_start() const { return Offset{log_start_.load(std::memory_order_acquire)}; }
  Offset log_end() const { return Offset{log_end_.load(std::memory_order_acquire)}; }
  Offset high_watermark() const { return Offset{high_watermark_.load(std::memory_order_acquire)}; }
  // As of the last append. One whose end is not visible yet counts as undecided until the next.
  Offset first_undecided() const {
    return Offset{first_undecided_.load(std::memory_order_acquire)};
  }
  // The last stable offset: the first that those may not read yet who read what is committed only.
  Offset readable_end() const {
    return std::min(high_watermark(), std::max(first_undecided(), log_start()));
  }
  // Compaction has been over what lies before `cleaned_end`; where it has worked at all, before
  // `gaps_end`, offsets may be missing.
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
  // Sequentially consistent: ordered against the turns of readers, see LogReader.
  std::atomic<bool> dropped_{false};
};

}  // namespace storage
