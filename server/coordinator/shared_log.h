// Reads the logs of the topics whose records share groups deliver. server/node implements it with
// storage::LogReader; tests implement it in memory.
#pragma once
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "server/coordinator/group_messages.h"

namespace server::coordinator {

// Threads: one loop. No function blocks.
class SharedLog {
 public:
  virtual ~SharedLog() = default;

  struct Extent {
    int64_t start = 0, end = 0;  // `end`: the first offset that must not be read yet
  };
  // Returns the leader epoch under which this node leads the partition. Fails with NotLeader if another node leads it.
  virtual Result<int32_t> leader_epoch(const TopicIdPartition& partition) = 0;

  // extent(), offset_at() and batches() read this node's log of the partition. They fail with UnknownTopic if the
  // partition does not exist here.
  virtual Result<Extent> extent(const TopicIdPartition& partition, bool reads_committed) = 0;

  // Returns the offset of the first batch with a record of this time (ms) or later, or the end if no such batch exists.
  virtual Result<int64_t> offset_at(const TopicIdPartition& partition, int64_t timestamp) = 0;

  struct Batch {
    int64_t first = 0, last = 0;
    size_t size_bytes = 0;
    // False: the batch is a marker, or its transaction was aborted, so its records are not
    // delivered to members.
    bool is_delivered = true;
  };
  // Returns whole batches, about `max_bytes` in total, beginning with the batch that contains the
  // offset `from`; if none contains it, with the next one. Returns at least one batch if one may be
  // read.
  virtual Result<std::vector<Batch>> batches(const TopicIdPartition& partition, int64_t from,
                                             size_t max_bytes, bool reads_committed) = 0;
  // Calls GroupPartition::grown() whenever the partition gets records, until unwatch() is called.
  // Calls are counted: each call of watch() needs its own call of unwatch().
  virtual void watch(const TopicIdPartition& partition) = 0;
  virtual void unwatch(const TopicIdPartition& partition) = 0;
};

}  // namespace server::coordinator
