// Maps the key of a request (a group id or a transactional id) to a partition of the topic of its
// coordinators.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/ids.h"

namespace server::coordinator {

// Returns the partition by Java's String.hashCode() of the key, as in Kafka.
PartitionId partition_of_key(std::string_view key, int32_t partition_count);

}  // namespace server::coordinator
