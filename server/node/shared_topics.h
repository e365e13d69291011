// The topics that a loop's share groups deliver.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "server/coordinator/shared_log.h"
#include "server/kafka/backend.h"
#include "server/net/loop.h"

namespace server {

// A loop is woken only for partitions that its groups wait for. After a group is registered here,
// it reads the log once more. So it misses no record: this read finds all records that arrived
// before the registration, and a later record wakes the loop.
//
// Threads: one loop, except for grown(). Shared with tasks posted to the loop.
class SharedTopics final : public coordinator::SharedLog,
                           public std::enable_shared_from_this<SharedTopics> {
 public:
  SharedTopics(Loop& loop, kafka::Backend& backend) : loop_(loop), backend_(backend) {}

  // Sets `tell`, which is called for watched partitions that have grown. Call it before the first watch().
  void on_grown(std::function<void(const coordinator::TopicIdPartition&)> tell) {
    tell_ = std::move(tell);
  }
  // Reports that the partitions have new records or were deleted. Any thread.
  void grown(std::span<const storage::TopicPartition> partitions);

  Result<int32_t> leader_epoch(const coordinator::TopicIdPartition& partition) override;
  Result<Extent> extent(const coordinator::TopicIdPartition& partition,
                        bool reads_committed) override;
  Result<int64_t> offset_at(const coordinator::TopicIdPartition& partition,
                            int64_t timestamp) override;
  Result<std::vector<Batch>> batches(const coordinator::TopicIdPartition& partition, int64_t from,
                                     size_t max_bytes, bool reads_committed) override;
  void watch(const coordinator::TopicIdPartition& partition) override;
  void unwatch(const coordinator::TopicIdPartition& partition) override;

 private:
  void take_grown();

  Loop& loop_;
  kafka::Backend& backend_;
  std::function<void(const coordinator::TopicIdPartition&)> tell_;

  std::mutex mutex_;
  // Guarded by mutex_
  absl::flat_hash_map<storage::TopicPartition, int> watched_;
  std::vector<storage::TopicPartition> grown_;
};

}  // namespace server
