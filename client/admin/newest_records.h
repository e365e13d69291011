// Finds the record of a partition with the greatest timestamp (KIP-734), which Debian's librdkafka
// cannot request.
#pragma once
#include <cstdint>
#include <optional>

#include "client/admin/node_connections.h"

namespace client {

// Returns the offset of the record with the greatest timestamp; if several records have it, the
// offset of the first of them; nothing if the partition is empty. Errors are those of the
// partition's leader.
Result<std::optional<int64_t>> offset_of_newest(NodeConnections& nodes,
                                                const TopicPartitionKey& partition);

}  // namespace client
