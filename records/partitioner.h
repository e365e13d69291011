// Computes the partition of a key as Kafka's Java producer does, so that topics written by either
// can be joined.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/ids.h"

namespace records {

// Computes MurmurHash2 (Austin Appleby, public domain) with Kafka's seed.
uint32_t murmur2(std::string_view bytes);

// Precondition: `partition_count` is positive.
PartitionId partition_for_key(std::string_view key, int32_t partition_count);

}  // namespace records
