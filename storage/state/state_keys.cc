#include "storage/state/state_keys.h"

#include <xxhash.h>

#include "base/bytes.h"

namespace storage {

namespace {

constexpr size_t kStoreIdSize = sizeof(uint32_t);
constexpr size_t kCutKeySize = kStoreIdSize + kMaxWholeKeySize + sizeof(XXH128_canonical_t);
static_assert(kCutKeySize <= kMaxKeySize);

}  // namespace

std::string store_prefix(StoreId store) {
  std::string prefix;
  append_be(prefix, store.value());
  return prefix;
}

StoreId store_of(std::string_view stored_key) {
  return StoreId{load_be<uint32_t>(stored_key.data())};
}

std::string stored_key(StoreId store, std::string_view key) {
  std::string stored = store_prefix(store);
  stored += key.substr(0, kMaxWholeKeySize);
  if (key.size() <= kMaxWholeKeySize) return stored;
  XXH128_canonical_t hash;
  XXH128_canonicalFromHash(&hash, XXH3_128bits(key.data(), key.size()));
  return stored.append(reinterpret_cast<const char*>(hash.digest), sizeof hash.digest);
}

std::string_view stored_value(std::string_view key, std::string_view value, std::string& scratch) {
  if (key.size() <= kMaxWholeKeySize) return value;
  scratch.clear();
  append_varint(scratch, key.size());
  scratch += key;
  scratch += value;
  return scratch;
}

bool is_cut(std::string_view stored_key) { return stored_key.size() == kCutKeySize; }

Result<Entry> original_entry(const Entry& stored) {
  if (!is_cut(stored.key)) return Entry{stored.key.substr(kStoreIdSize), stored.value};
  ByteReader in(stored.value);
  const std::string_view key = in.bytes(in.varint());
  if (!in.ok()) return Error{ErrorCode::StorageFailure, "the data file has a damaged state entry"};
  return Entry{key, in.rest()};
}

}  // namespace storage
