// The settings of a topic that decide which records of a partition may be deleted, and when.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "storage/log/topic_partition.h"

namespace storage {

// Named after Kafka's settings (storage/meta/topic_configs.h).
struct CleanupPolicy {
  bool deletes = true, compacts = false;            // cleanup.policy
  int64_t retention_ms = -1, retention_bytes = -1;  // negative: no limit
  int64_t min_compaction_lag_ms = 0, max_compaction_lag_ms = INT64_MAX;
  int64_t delete_retention_ms = 86'400'000;
  double min_cleanable_dirty_ratio = 0.5;
  // The log has no segments. Fewer new bytes than segment_bytes are not compacted before they are
  // segment_ms old.
  int64_t segment_bytes = 1 << 30, segment_ms = 604'800'000;
  // Keeps tombstones of any age, because a replica has not fetched them yet and would otherwise
  // keep the records that they delete forever.
  bool keeps_tombstones = false;

  bool operator==(const CleanupPolicy&) const = default;
  bool asks_for_anything() const {
    return compacts || (deletes && (retention_ms >= 0 || retention_bytes >= 0));
  }
};

struct CleanupTarget {
  TopicPartition partition;
  CleanupPolicy policy;
  // Records from this offset on have yet to be read by a query, and stay.
  Offset keep_from{INT64_MAX};
};

// The facts that the cleaner needs from the node. Threads: the cleaner's, which may wait.
class CleanupPort {
 public:
  virtual ~CleanupPort() = default;
  // Returns all partitions that have a policy. Called each round; there may be tens of thousands.
  virtual std::vector<CleanupTarget> targets() = 0;
  // Lowers `keep_from` of the targets that queries read to the positions that the queries have
  // reached.
  virtual void hold(std::span<CleanupTarget> targets) = 0;
};

}  // namespace storage
