#include "storage/state/state_keys.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "storage/kv/damage.h"

namespace storage {

namespace {

constexpr size_t kStoreIdSize = sizeof(uint32_t);
constexpr size_t kCutKeySize = kStoreIdSize + kMaxWholeKeySize + sizeof(XXH128_canonical_t);
static_assert(kCutKeySize <= kMaxKeySize);

constexpr size_t kChecksumSize = sizeof(uint32_t);

uint64_t hash_of(std::string_view stored_key, std::string_view stored_value) {
  return XXH3_64bits_withSeed(stored_value.data(), stored_value.size(),
                              XXH3_64bits(stored_key.data(), stored_key.size()));
}

uint32_t checksum(std::string_view stored_key, std::string_view stored_value) {
  return static_cast<uint32_t>(hash_of(stored_key, stored_value));
}

Error damaged_entry(StoreId store) {
  return damaged_data(fmt::format("the state file has a damaged entry in store {}", store.value()));
}

}  // namespace

void StoreContent::add(std::string_view stored_key, std::string_view stored_value) {
  ++count;
  sum += hash_of(stored_key, stored_value);
}

void StoreContent::remove(std::string_view stored_key, std::string_view stored_value) {
  --count;
  sum -= hash_of(stored_key, stored_value);
}

std::string encode(const StoreRow& row) {
  std::string bytes = store_prefix(row.id);
  if (row.format == StoreFormat::Plain) return bytes;
  append_be(bytes, static_cast<uint8_t>(row.format));
  append_be(bytes, row.content.count);
  append_be(bytes, row.content.sum);
  return bytes;
}

Result<StoreRow> decode_store_row(std::string_view bytes) {
  ByteReader in(bytes);
  StoreRow row{.id = StoreId{in.be<uint32_t>()}, .format = StoreFormat::Plain};
  if (in.ok() && in.at_end()) return row;
  row.format = static_cast<StoreFormat>(in.be<uint8_t>());
  row.content = {in.be<uint64_t>(), in.be<uint64_t>()};
  if (!in.ok() || !in.at_end() || row.format != StoreFormat::Checked)
    return damaged_data("the state file has a damaged store");
  return row;
}

std::string store_prefix(StoreId store) {
  std::string prefix;
  append_be(prefix, store.value());
  return prefix;
}

StoreId store_of(std::string_view stored_key) {
  return StoreId{load_be<uint32_t>(stored_key.data())};
}

std::string journal_key(PartitionId journal) {
  std::string key;
  append_be(key, journal.value());
  return key;
}

std::string encode_journal_end(Offset end) {
  std::string value;
  append_be(value, end.value());
  return value;
}

Result<std::pair<PartitionId, Offset>> decode_journal_end(const Entry& row) {
  if (row.key.size() != sizeof(int32_t) || row.value.size() != sizeof(int64_t))
    return damaged_data("the state file has a damaged end of a journal");
  return std::pair(PartitionId{load_be<int32_t>(row.key.data())},
                   Offset{load_be<int64_t>(row.value.data())});
}

std::string stored_key(StoreId store, std::string_view key) {
  std::string stored = store_prefix(store);
  stored += key.substr(0, kMaxWholeKeySize);
  if (key.size() <= kMaxWholeKeySize) return stored;
  XXH128_canonical_t hash;
  XXH128_canonicalFromHash(&hash, XXH3_128bits(key.data(), key.size()));
  return stored.append(reinterpret_cast<const char*>(hash.digest), sizeof hash.digest);
}

std::string_view stored_value(StoreFormat format, std::string_view stored_key, std::string_view key,
                              std::string_view value, std::string& scratch) {
  const bool is_whole = key.size() <= kMaxWholeKeySize;
  if (is_whole && format == StoreFormat::Plain) return value;
  scratch.clear();
  if (!is_whole) {
    append_varint(scratch, key.size());
    scratch += key;
  }
  scratch += value;
  if (format == StoreFormat::Checked) append_be(scratch, checksum(stored_key, scratch));
  return scratch;
}

bool is_cut(std::string_view stored_key) { return stored_key.size() == kCutKeySize; }

Result<Entry> original_entry(StoreFormat format, const Entry& stored) {
  std::string_view value = stored.value;
  if (format == StoreFormat::Checked) {
    if (value.size() < kChecksumSize) return damaged_entry(store_of(stored.key));
    const auto expected = load_be<uint32_t>(value.data() + value.size() - kChecksumSize);
    value.remove_suffix(kChecksumSize);
    if (checksum(stored.key, value) != expected) return damaged_entry(store_of(stored.key));
  }
  if (!is_cut(stored.key)) return Entry{stored.key.substr(kStoreIdSize), value};
  ByteReader in(value);
  const std::string_view key = in.bytes(in.varint());
  if (!in.ok()) return damaged_entry(store_of(stored.key));
  return Entry{key, in.rest()};
}

}  // namespace storage
