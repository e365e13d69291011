// Where a partition stands, as its writer last published it.
#pragma once
#include <atomic>

#include "base/ids.h"

namespace storage {

//     log_start          high_watermark     log_end
//         |  visible records    |  not yet     |
//
// Published after the sync of the commit that moved them, so whoever reads a number here will find
// the records it speaks of in a snapshot taken later. Threads: any may read, the log's writer alone
// publishes.
class PartitionStatus {
 public:
  Offset log_start() const { return Offset{log_start_.load(std::memory_order_acquire)}; }
  Offset log_end() const { return Offset{log_end_.load(std::memory_order_acquire)}; }
  // Without replicas it follows the log end.
  Offset high_watermark() const { return Offset{high_watermark_.load(std::memory_order_acquire)}; }
  // The first offset that consumers may not read yet.
  Offset readable_end() const { return high_watermark(); }
  LeaderEpoch leader_epoch() const {
    return LeaderEpoch{leader_epoch_.load(std::memory_order_acquire)};
  }
  bool is_dropped() const { return dropped_.load(); }

 protected:
  std::atomic<int64_t> log_start_{0}, log_end_{0}, high_watermark_{0};
  std::atomic<int32_t> leader_epoch_{0};
  // Sequentially consistent: ordered against the turns of readers, see LogReader.
  std::atomic<bool> dropped_{false};
};

}  // namespace storage
