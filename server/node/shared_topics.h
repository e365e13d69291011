// The topics that a loop's share groups hand out.
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

// A loop is woken for partitions that groups of it wait for, and for no others. A group that has come to wait looks
// at the log once more: what became durable before is seen then, what comes later wakes it.
//
// Threads: the loop's, but for grown(). Shared with what is posted to the loop.
class SharedTopics final : public coordinator::SharedLog,
                           public std::enable_shared_from_this<SharedTopics> {
 public:
  SharedTopics(Loop& loop, kafka::Backend& backend) : loop_(loop), backend_(backend) {}

  // Is told of partitions that have grown and are watched; before anybody watches.
  void on_grown(std::function<void(const coordinator::TopicIdPartition&)> tell) {
    tell_ = std::move(tell);
  }
  // These partitions have new records, or are gone. Any thread.
  void grown(std::span<const storage::TopicPartition> partitions);

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
