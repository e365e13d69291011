// The settings of a topic that decide which records of a partition may be deleted, and when.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "storage/log/topic_partition.h"

namespace storage {

// The topic settings of Kafka with the same names, for example retention.ms
// (storage/meta/topic_configs.h).
struct CleanupPolicy {
  bool deletes = true, compacts = false;            // cleanup.policy
  int64_t retention_ms = -1, retention_bytes = -1;  // negative: no limit
  int64_t min_compaction_lag_ms = 0, max_compaction_lag_ms = INT64_MAX;
  int64_t delete_retention_ms = 86'400'000;
  double min_cleanable_dirty_ratio = 0.5;
  // The log has no segments. Compaction therefore waits until the partition has segment_bytes of
  // new data, or until the new data is segment_ms old.
  int64_t segment_bytes = 1 << 30, segment_ms = 604'800'000;
  // If true, tombstones of any age are kept. It is set while a replica is not in sync. Otherwise a
  // tombstone could be removed before this replica has fetched it, and the replica would keep the
  // deleted record for ever.
  bool keeps_tombstones = false;

  bool operator==(const CleanupPolicy&) const = default;
  bool asks_for_anything() const {
    return compacts || (deletes && (retention_ms >= 0 || retention_bytes >= 0));
  }
};

struct CleanupTarget {
  TopicPartition partition;
  CleanupPolicy policy;
  // Records from this offset on are kept, because a query has not read them yet.
  Offset keep_from{INT64_MAX};
};

// Supplies the data that the cleaner needs from the node. Threads: the cleaner's, which may wait.
class CleanupPort {
 public:
  virtual ~CleanupPort() = default;
  // Returns all partitions that have a policy. Called each round; there may be tens of thousands.
  virtual std::vector<CleanupTarget> targets() = 0;
  // Lowers `keep_from` of each target to the lowest position of the queries that read its
  // partition.
  virtual void hold(std::span<CleanupTarget> targets) = 0;
};

}  // namespace storage
