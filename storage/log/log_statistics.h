// Load figures of the log's writer.
#pragma once
#include <cstddef>
#include <cstdint>

namespace storage {

class Log;

struct LogStatistics {
  size_t partitions = 0;  // partitions of all topics and exchanges
  // Number of partitions of topics (the coordinators' own topics count, exchanges do not), and the
  // limit for one data directory.
  size_t topic_partitions = 0, max_topic_partitions = 0;
  uint64_t commits = 0;  // group commits of this process, each with one sync
  int64_t commits_per_second = 0;
  size_t queued_requests = 0, queued_bytes = 0;  // waiting for a commit
  // number of removals of dropped or trimmed data that are not finished
  size_t pending_removals = 0;
  uint64_t reserve_bytes = 0;    // free space that client appends must leave
  bool refuses_appends = false;  // the disk is full up to the reserve
};

// Returns the current figures. The log keeps them up to date, so a call only has to take two locks
// for a short time. Threads: any.
LogStatistics statistics_of(Log& log);

}  // namespace storage
