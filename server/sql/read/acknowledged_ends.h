// For each partition, the newest offset up to which rows are known to be readable. The server has two objects of this
// class. One has the ends that leaders have reported; reads that may be stale use it instead of asking the leaders. The
// other has the ends of rows that statements of this node have written, so that other readers on this node see all rows
// of a statement.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>

#include "server/sql/cluster_topics.h"

namespace server {

// Invariant: each entry has a time before its leader was asked. All rows that were acknowledged before that time are
// before the entry's end.
//
// Threads: any. Owner: the component that asks the leaders.
class AcknowledgedEnds {
 public:
  // Approximate limit for the number of partitions. If it is exceeded, the older half of the
  // entries is dropped.
  static constexpr size_t kMost = 100'000;

  // Stores ends that leaders have reported. `asked_us` is a time before the leaders were asked.
  void note(const ClusterTopics::Ends& ends, int64_t asked_us);
  // Returns the ends of all partitions, if the leader of each was asked at or after `asked_us`.
  // Otherwise returns nothing.
  std::optional<ClusterTopics::Ends> since(std::span<const storage::TopicPartition> partitions,
                                           int64_t asked_us) const;
  // Returns the ends of those partitions whose end was stored with a time at or after `asked_us`.
  ClusterTopics::Ends known_since(std::span<const storage::TopicPartition> partitions,
                                  int64_t asked_us) const;

 private:
  struct Told {
    Offset end;
    int64_t asked_us;
  };
  mutable std::mutex mutex_;
  std::map<storage::TopicPartition, Told> told_;  // guarded by mutex_
};

}  // namespace server
