#include "server/coordinator/key_partition.h"

#include <cstdlib>
#include <limits>

namespace server::coordinator {

namespace {

// Returns Java's String.hashCode() of the text, which works on UTF-16 code units.
int32_t java_hash(std::string_view utf8) {
  uint32_t hash = 0;
  for (size_t i = 0; i < utf8.size();) {
    const auto first = static_cast<uint8_t>(utf8[i]);
    const size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t point = size == 1 ? first : first & (0xffu >> (size + 1));
    for (size_t j = 1; j < size && i + j < utf8.size(); ++j)
      point = point << 6 | (static_cast<uint8_t>(utf8[i + j]) & 0x3f);
    i += size;
    constexpr uint32_t kBeyond = 0x10000;
    if (point < kBeyond) {
      hash = hash * 31 + point;
    } else {
      hash = hash * 31 + (0xd800 + ((point - kBeyond) >> 10));
      hash = hash * 31 + (0xdc00 + ((point - kBeyond) & 0x3ff));
    }
  }
  return static_cast<int32_t>(hash);
}

}  // namespace

PartitionId partition_of_key(std::string_view key, int32_t partition_count) {
  const int32_t hash = java_hash(key);
  const int32_t positive = hash == std::numeric_limits<int32_t>::min() ? 0 : std::abs(hash);
  return PartitionId(positive % partition_count);
}

}  // namespace server::coordinator
