// The newest offset of each key, for compaction: what Kafka calls its offset map.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace storage {

// Keeps hashes of 128 bits in place of keys, so that what it takes does not depend on their length. Hashes
// are seeded at random: nobody can choose keys that are taken for each other.
//
// Invariant: at most seven eighths of the slots are taken. Threads: one.
class KeyOffsets {
 public:
  static constexpr size_t kSlotBytes = 24;
  KeyOffsets(size_t slots, uint64_t seed);

  // Offsets of one key come in order. False when the key is new and there is no room.
  bool put(std::string_view key, Offset offset);
  std::optional<Offset> find(std::string_view key) const;
  size_t size() const { return size_; }

 private:
  struct Slot {
    uint64_t low, high;
    int64_t offset = kFree;
  };
  static constexpr int64_t kFree = -1;
  struct Place {
    size_t index;
    uint64_t low, high;
  };
  Place place_of(std::string_view key) const;

  const uint64_t seed_;
  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace storage
