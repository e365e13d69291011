// The newest offset of each key, for compaction. (Kafka's log cleaner calls this the offset map.)
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace storage {

// Stores hashes of 128 bits instead of keys, so that the memory does not depend on the length of
// the keys. The hash has a random seed, so that a client cannot choose keys that collide.
// Invariant: at most seven eighths of the slots are taken. Threads: one.
class KeyOffsets {
 public:
  static constexpr size_t kSlotBytes = 24;
  KeyOffsets(size_t slots, uint64_t seed);

  // Sets the newest offset of a key. Offsets of a key must arrive in order. Returns false if the
  // key is new and no slot is free.
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
