#include "engine/state/prefix_store.h"

#include <xxhash.h>

#include "base/bytes.h"

namespace engine {

// Shortens the bytes unless they are shorter than the shortened form. A text with exactly the
// length of that form is shortened, too, because it could otherwise equal the shortened form of
// another text.
std::string_view PrefixStore::cut(std::string_view bytes, std::string& room) {
  if (bytes.size() < kCutBytes + kHashBytes) return bytes;
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  room.assign(bytes.substr(0, kCutBytes));
  append_be<uint64_t>(room, hash.high64);
  append_be<uint64_t>(room, hash.low64);
  return room;
}

Status PrefixStore::put(std::string_view prefix, std::string_view key, std::string_view value) {
  return store_.put({kPart, cut(prefix, prefix_), cut(key, key_)}, value);
}

Result<bool> PrefixStore::erase(std::string_view prefix, std::string_view key) {
  return store_.erase({kPart, cut(prefix, prefix_), cut(key, key_)});
}

Result<bool> PrefixStore::visit(std::string_view prefix, std::string_view from, size_t max_rows,
                                Loose& loose, const Visit& visit) {
  static const std::string kLast(kCutBytes + kHashBytes + 1, '\xff');
  return store_.visit({kPart, cut(prefix, prefix_), from, kLast}, max_rows, loose, visit);
}

}  // namespace engine
