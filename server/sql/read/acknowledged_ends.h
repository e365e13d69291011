// The newest known readable ends of partitions. One use: the ends that leaders reported, for reads
// that may be stale. Another: the ends of rows that statements of this node have written, which
// other readers of this node see as a whole.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>

#include "server/sql/cluster_topics.h"

namespace server {

// Invariant: rows acknowledged before an entry's question was asked lie before its end.
//
// Threads: any. Owner: the component that asks the leaders.
class AcknowledgedEnds {
 public:
  // Approximate number of partitions kept; beyond it the older half is dropped.
  static constexpr size_t kMost = 100'000;

  // `asked_us`: a time before the leaders were asked.
  void note(const ClusterTopics::Ends& ends, int64_t asked_us);
  // The ends of all partitions, if each was reported to a question asked at or after `asked_us`;
  // otherwise nothing.
  std::optional<ClusterTopics::Ends> since(std::span<const storage::TopicPartition> partitions,
                                           int64_t asked_us) const;
  // The ends of those partitions that were noted with a time at or after `asked_us`.
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
