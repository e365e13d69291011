// Which partition of a coordinators' topic something belongs to.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/ids.h"

namespace server::coordinator {

// As Kafka's coordinators: by Java's String.hashCode() of a group's or a transactional id.
PartitionId partition_of_key(std::string_view key, int32_t partition_count);

}  // namespace server::coordinator
