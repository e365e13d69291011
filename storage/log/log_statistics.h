// Load figures of the log's writer.
#pragma once
#include <cstddef>
#include <cstdint>

namespace storage {

class Log;

struct LogStatistics {
  size_t partitions = 0;  // partitions of all topics and exchanges
  // Partitions of topics alone, including those of the coordinators, and the limit of a data
  // directory.
  size_t topic_partitions = 0, max_topic_partitions = 0;
  uint64_t commits = 0;  // group commits of this process, each with one sync
  int64_t commits_per_second = 0;
  size_t queued_requests = 0, queued_bytes = 0;  // waiting for a commit
  size_t pending_removals = 0;                   // see Log::pending_removals()
  uint64_t reserve_bytes = 0;                    // free space that appends do not use
  bool refuses_appends = false;                  // the disk is full up to the reserve
};

// Returns the figures, which are counted while the work is done. A call takes two short locks.
// Threads: any.
LogStatistics statistics_of(Log& log);

}  // namespace storage
