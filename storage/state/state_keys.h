// How the keys of state entries fit into the store's keys, which end at 511 bytes.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "storage/kv/kv.h"

namespace storage {

// Of state.mdb. Version 2 has no checksums.
inline constexpr uint32_t kStateFormatVersion = 3, kOldestStateFormatVersion = 2;

// A task's store within the file.
using StoreId = StrongNumber<struct StoreIdTag, uint32_t>;
enum class StoreFormat : uint8_t {
  Plain,    // as files of version 2 have them: they stay so
  Checked,  // each value ends in a checksum, and all together have one
};
// What a store holds, whatever their order: an entry that is not there any more would else be missed by
// nobody.
struct StoreContent {
  uint64_t count = 0, sum = 0;  // of entries, and of their hashes

  // Of an entry as it is stored.
  void add(std::string_view stored_key, std::string_view stored_value);
  void remove(std::string_view stored_key, std::string_view stored_value);
  bool operator==(const StoreContent&) const = default;
};
// Of the table `stores`: id u32, format u8, and when it is Checked count u64, sum u64; a missing format is
// Plain.
struct StoreRow {
  StoreId id;
  StoreFormat format = StoreFormat::Checked;
  StoreContent content = {};
  bool operator==(const StoreRow&) const = default;
};
std::string encode(const StoreRow& row);
Result<StoreRow> decode_store_row(std::string_view bytes);

// A row of the table `journals`.
std::string journal_key(PartitionId journal);
std::string encode_journal_end(Offset end);
Result<std::pair<PartitionId, Offset>> decode_journal_end(const Entry& row);

//                | key of at most 400 bytes | longer key
//   -------------+--------------------------+---------------------------------------------
//   stored key   | store id u32, key        | store id u32, its first 400 bytes, hash u128
//   stored value | value                    | size of the key varint, the whole key, value
//
// The stored keys of the two differ in their lengths. Keys that are cut are ordered among themselves
// by their first 400 bytes only. Behind the value: a checksum u32 of stored key and stored value, so
// that neither can be damaged, nor a value be found under another's key.
inline constexpr size_t kMaxWholeKeySize = 400;

std::string stored_key(StoreId store, std::string_view key);
// The value to store under stored_key(key); `scratch` keeps the bytes when they are not `value` itself.
std::string_view stored_value(StoreFormat format, std::string_view stored_key, std::string_view key,
                              std::string_view value, std::string& scratch);

bool is_cut(std::string_view stored_key);
// The entry as it was given. Fails with DataCorrupted when it is damaged.
Result<Entry> original_entry(StoreFormat format, const Entry& stored);

std::string store_prefix(StoreId store);
// Of a stored key, or of a row of the table `stores`: of at least four bytes.
StoreId store_of(std::string_view stored_key);

}  // namespace storage
