// Partitions that are closed for appends while ALTER TABLE copies their rows to another topic
// (docs/adr/0158).
#pragma once
#include <cstdint>
#include <limits>

#include "storage/meta/cluster_table.h"

namespace storage {

// The value of PartitionAssignment::own_min_insync that closes a partition. The leader of a closed
// partition accepts no append except the markers that end transactions. The value is not a minimum:
// the cluster's minimum applies to a closed partition. Topics cannot have this value.
inline constexpr int32_t kClosedForAppends = std::numeric_limits<int32_t>::max();

// Whether the partition accepts no appends.
inline bool is_closed(const PartitionAssignment& assignment) {
  return assignment.own_min_insync == kClosedForAppends;
}

}  // namespace storage
