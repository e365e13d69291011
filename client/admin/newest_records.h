// Finds the record with the greatest timestamp in a partition (KIP-734). Debian's librdkafka cannot
// request it.
#pragma once
#include <cstdint>
#include <optional>

#include "client/admin/node_connections.h"

namespace client {

// Returns the offset of the record with the greatest timestamp, the first one of several; none if the partition is empty.
// Fails with the error of the partition's leader.
Result<std::optional<int64_t>> offset_of_newest(NodeConnections& nodes,
                                                const TopicPartitionKey& partition);

}  // namespace client
