#include "records/partitioner.h"

#include <cassert>
#include <cstring>

namespace records {

uint32_t murmur2(std::string_view bytes) {
  constexpr uint32_t kSeed = 0x9747b28c;
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  uint32_t hash = kSeed ^ static_cast<uint32_t>(bytes.size());
  while (bytes.size() >= 4) {
    uint32_t word;  // little-endian, like the supported processors
    std::memcpy(&word, bytes.data(), sizeof word);
    word *= kMultiplier;
    word ^= word >> 24;
    word *= kMultiplier;
    hash = (hash * kMultiplier) ^ word;
    bytes.remove_prefix(4);
  }
  if (!bytes.empty()) {
    uint32_t tail = 0;
    std::memcpy(&tail, bytes.data(), bytes.size());
    hash = (hash ^ tail) * kMultiplier;
  }
  hash ^= hash >> 13;
  hash *= kMultiplier;
  return hash ^ (hash >> 15);
}

PartitionId partition_for_key(std::string_view key, int32_t partition_count) {
  assert(partition_count > 0);
  return PartitionId{static_cast<int32_t>(murmur2(key) & 0x7fffffff) % partition_count};
}

}  // namespace records
