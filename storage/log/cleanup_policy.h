// What may go of a partition's records, and when: the settings of its topic, read.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "storage/log/topic_partition.h"

namespace storage {

// By the names of Kafka's settings (storage/meta/topic_configs.h).
struct CleanupPolicy {
  bool deletes = true, compacts = false;            // cleanup.policy
  int64_t retention_ms = -1, retention_bytes = -1;  // negative: no limit
  int64_t min_compaction_lag_ms = 0, max_compaction_lag_ms = INT64_MAX;
  int64_t delete_retention_ms = 86'400'000;
  double min_cleanable_dirty_ratio = 0.5;
  // Less than this is not worth a compaction until it is so old: there are no segments here.
  int64_t segment_bytes = 1 << 30, segment_ms = 604'800'000;
  // However old they are: there is a replica that has not got them, and would keep for good what they delete.
  bool keeps_tombstones = false;

  bool operator==(const CleanupPolicy&) const = default;
  bool asks_for_anything() const {
    return compacts || (deletes && (retention_ms >= 0 || retention_bytes >= 0));
  }
};

struct CleanupTarget {
  TopicPartition partition;
  CleanupPolicy policy;
  // What lies from here on has yet to be read by a query, and stays.
  Offset keep_from{INT64_MAX};
};

// What the cleaner asks. Threads: the cleaner's, which may wait.
class CleanupPort {
 public:
  virtual ~CleanupPort() = default;
  // All partitions that have a policy. Asked each round, and there may be tens of thousands.
  virtual std::vector<CleanupTarget> targets() = 0;
  // Lowers `keep_from` of some of them to where queries have come to.
  virtual void hold(std::span<CleanupTarget> targets) = 0;
};

}  // namespace storage
