// Encodes the keys of state entries as keys of the store, which have at most 511 bytes.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "storage/kv/kv.h"

namespace storage {

// The format versions of state.mdb. Version 2 has no checksums.
inline constexpr uint32_t kStateFormatVersion = 3, kOldestStateFormatVersion = 2;

// A task's store within the file.
using StoreId = StrongNumber<struct StoreIdTag, uint32_t>;
enum class StoreFormat : uint8_t {
  Plain,    // in files of version 2, which keep them
  Checked,  // each value ends in a checksum, and the store has one of all entries
};
// A digest of the content of a store, independent of the order. It detects entries that have
// vanished, which no checksum of an entry would.
struct StoreContent {
  uint64_t count = 0, sum = 0;  // number of entries; sum of their hashes

  // Adds an entry in its stored form.
  void add(std::string_view stored_key, std::string_view stored_value);
  void remove(std::string_view stored_key, std::string_view stored_value);
  bool operator==(const StoreContent&) const = default;
};
// A row of the table `stores`: id u32, format u8, and if it is Checked count u64, sum u64. A
// missing format is Plain.
struct StoreRow {
  StoreId id;
  StoreFormat format = StoreFormat::Checked;
  StoreContent content = {};
  bool operator==(const StoreRow&) const = default;
};
std::string encode(const StoreRow& row);
Result<StoreRow> decode_store_row(std::string_view bytes);

// Encode and decode rows of the table `journals`.
std::string journal_key(PartitionId journal);
std::string encode_journal_end(Offset end);
Result<std::pair<PartitionId, Offset>> decode_journal_end(const Entry& row);

//                | key of at most 400 bytes | longer key
//   -------------+--------------------------+---------------------------------------------
//   stored key   | store id u32, key        | store id u32, its first 400 bytes, hash u128
//   stored value | value                    | size of the key varint, the whole key, value
//
// The two kinds of stored keys differ in their lengths. Keys that are cut are ordered among
// themselves by their first 400 bytes only. A checksum u32 of stored key and stored value follows
// the value, so that damage to either, and a value under another entry's key, are detected.
inline constexpr size_t kMaxWholeKeySize = 400;

std::string stored_key(StoreId store, std::string_view key);
// Returns the value to store under stored_key(key). `scratch` keeps the bytes if they are not
// `value` itself.
std::string_view stored_value(StoreFormat format, std::string_view stored_key, std::string_view key,
                              std::string_view value, std::string& scratch);

bool is_cut(std::string_view stored_key);
// Returns the original key and value of a stored entry. Fails with DataCorrupted if the entry is
// damaged.
Result<Entry> original_entry(StoreFormat format, const Entry& stored);

std::string store_prefix(StoreId store);
// Returns the id of the store in a stored key, or in a row of the table `stores`, of at least four
// bytes.
StoreId store_of(std::string_view stored_key);

}  // namespace storage
