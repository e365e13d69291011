// Topics in memory whose records share groups deliver to their members, for tests.
#pragma once
#include <algorithm>
#include <map>
#include <vector>

#include "server/coordinator/shared_log.h"

namespace server::coordinator {

class MemorySharedLog final : public SharedLog {
 public:
  struct Topic {
    int64_t start = 0;
    int32_t leader_epoch = 0;  // -1: another node leads
    std::vector<Batch> batches = {};
    int64_t end() const { return batches.empty() ? start : batches.back().last + 1; }
  };

  // Appends a batch of `records` records.
  void append(const TopicIdPartition& partition, int64_t records, bool is_delivered = true) {
    Topic& topic = topics[partition];
    const int64_t first = topic.end();
    topic.batches.push_back(
        {first, first + records - 1, static_cast<size_t>(records) * 10, is_delivered});
  }
  // Removes the batch that begins at this offset, as compaction does if no record is left.
  void drop(const TopicIdPartition& partition, int64_t first) {
    std::erase_if(topics[partition].batches,
                  [&](const Batch& each) { return each.first == first; });
  }

  Result<int32_t> leader_epoch(const TopicIdPartition& partition) override {
    const int32_t epoch = topics[partition].leader_epoch;
    if (epoch < 0) return Error{ErrorCode::NotLeader, "another node leads the partition"};
    return epoch;
  }
  Result<Extent> extent(const TopicIdPartition& partition, bool) override {
    ++looks;
    const Topic& topic = topics[partition];
    return Extent{topic.start, topic.end()};
  }
  // The time of a record is its offset in seconds.
  Result<int64_t> offset_at(const TopicIdPartition& partition, int64_t timestamp) override {
    const Topic& topic = topics[partition];
    for (const Batch& each : topic.batches)
      if (each.last * 1000 >= timestamp) return each.first;
    return topic.end();
  }
  Result<std::vector<Batch>> batches(const TopicIdPartition& partition, int64_t from,
                                     size_t max_bytes, bool reads_committed) override {
    std::vector<Batch> found;
    size_t bytes = 0;
    for (const Batch& each : topics[partition].batches) {
      if (each.last < from) continue;
      if (!found.empty() && bytes + each.size_bytes > max_bytes) break;
      found.push_back(each);
      found.back().is_delivered = each.is_delivered || !reads_committed;
      bytes += each.size_bytes;
    }
    return found;
  }
  void watch(const TopicIdPartition& partition) override { ++watched[partition]; }
  void unwatch(const TopicIdPartition& partition) override {
    if (--watched[partition] == 0) watched.erase(partition);
  }

  std::map<TopicIdPartition, Topic> topics;
  std::map<TopicIdPartition, int> watched;
  size_t looks = 0;  // number of calls of extent()
};

}  // namespace server::coordinator
