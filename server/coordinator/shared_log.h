// What share groups see of the topics that they hand out. server/node implements it over storage::LogReader;
// tests in memory.
#pragma once
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "server/coordinator/group_messages.h"

namespace server::coordinator {

// Threads: one loop's. Nothing here blocks.
class SharedLog {
 public:
  virtual ~SharedLog() = default;

  struct Extent {
    int64_t start = 0, end = 0;  // `end`: the first offset that may not be read yet
  };
  // All fail with UnknownTopic when the partition is not there, with NotLeader when it is led elsewhere.
  virtual Result<Extent> extent(const TopicIdPartition& partition, bool reads_committed) = 0;

  // Of the first batch that has a record of this time (ms) or later; the end where there is none.
  virtual Result<int64_t> offset_at(const TopicIdPartition& partition, int64_t timestamp) = 0;

  struct Batch {
    int64_t first = 0, last = 0;
    size_t size_bytes = 0;
    bool is_delivered = true;  // or nobody gets its records: a marker, or what was aborted
  };
  // From the batch that holds `from` on, or the next one, until there are `max_bytes`; at least one when there is
  // one that may be read.
  virtual Result<std::vector<Batch>> batches(const TopicIdPartition& partition, int64_t from,
                                             size_t max_bytes, bool reads_committed) = 0;
  // GroupPartition::grown() is called when there are more records, until unwatch(). Counted.
  virtual void watch(const TopicIdPartition& partition) = 0;
  virtual void unwatch(const TopicIdPartition& partition) = 0;
};

}  // namespace server::coordinator
