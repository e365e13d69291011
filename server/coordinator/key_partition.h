// Maps a key to a partition of a coordinators' topic.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/ids.h"

namespace server::coordinator {

// Uses Java's String.hashCode() of a group id or a transactional id, like Kafka's coordinators.
PartitionId partition_of_key(std::string_view key, int32_t partition_count);

}  // namespace server::coordinator
