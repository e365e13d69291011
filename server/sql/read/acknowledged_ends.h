// The newest known readable ends of partitions. One instance holds the ends that leaders reported,
// for reads that may be stale. Another holds the ends of rows that statements of this node have
// written, so that other readers of this node see all rows of a statement.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>

#include "server/sql/cluster_topics.h"

namespace server {

// Invariant: all rows that were acknowledged before the leaders were asked for an entry's end lie
// before that end.
//
// Threads: any. Owner: the component that asks the leaders.
class AcknowledgedEnds {
 public:
  // Approximate limit for the number of partitions; beyond it the older half is dropped.
  static constexpr size_t kMost = 100'000;

  // Notes ends that leaders have reported. `asked_us`: a time before the leaders were asked.
  void note(const ClusterTopics::Ends& ends, int64_t asked_us);
  // Returns the ends of all partitions if each end was reported in reply to a question asked at or
  // after `asked_us`, otherwise nothing.
  std::optional<ClusterTopics::Ends> since(std::span<const storage::TopicPartition> partitions,
                                           int64_t asked_us) const;
  // Returns the ends of the partitions whose end was noted with a time at or after `asked_us`.
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
