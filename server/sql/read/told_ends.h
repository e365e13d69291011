// How far partitions could be read, as somebody was told last: their leaders when they were asked, which a read that may be
// old goes by; or what statements of this node have written, which others of this node see whole.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <span>

#include "server/sql/cluster_topics.h"

namespace server {

// Invariant: what was acknowledged before an entry's question lies before its end.
//
// Threads: any. Owner: who asks.
class ToldEnds {
 public:
  // So many partitions are kept, about; then the oldest go.
  static constexpr size_t kMost = 100'000;

  // `asked_us`: before the leaders were asked.
  void note(const ClusterTopics::Ends& ends, int64_t asked_us);
  // Of all of them as they were told to a question that is no older; nothing where one was not.
  std::optional<ClusterTopics::Ends> since(std::span<const storage::TopicPartition> partitions,
                                           int64_t asked_us) const;
  // Those of them that were noted with such a time.
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
