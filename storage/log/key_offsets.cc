#include "storage/log/key_offsets.h"

#include <xxhash.h>

#include <algorithm>

namespace storage {

KeyOffsets::KeyOffsets(size_t slots, uint64_t seed)
    : seed_(seed), slots_(std::max<size_t>(slots, 8)) {
  static_assert(sizeof(Slot) == kSlotBytes);
}

// Returns the slot of the key, or the free slot where it would be stored.
KeyOffsets::Place KeyOffsets::place_of(std::string_view key) const {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(key.data(), key.size(), seed_);
  size_t index = hash.low64 % slots_.size();
  while (slots_[index].offset != kFree &&
         (slots_[index].low != hash.low64 || slots_[index].high != hash.high64))
    index = index + 1 == slots_.size() ? 0 : index + 1;
  return {index, hash.low64, hash.high64};
}

bool KeyOffsets::put(std::string_view key, Offset offset) {
  const Place place = place_of(key);
  Slot& slot = slots_[place.index];
  if (slot.offset == kFree) {
    if ((size_ + 1) * 8 > slots_.size() * 7) return false;
    ++size_;
  }
  slot = {place.low, place.high, offset.value()};
  return true;
}

std::optional<Offset> KeyOffsets::find(std::string_view key) const {
  const Slot& slot = slots_[place_of(key).index];
  if (slot.offset == kFree) return std::nullopt;
  return Offset{slot.offset};
}

}  // namespace storage
