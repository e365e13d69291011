// Encodes the keys of state entries as keys of the store, which have at most 511 bytes.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "storage/kv/kv.h"

namespace storage {

// Versions of state.mdb (see also position_row.h). Entries of version 2 have no checksums.
inline constexpr uint32_t kStateFormatVersion = 3, kOldestStateFormatVersion = 2;

// A task's store within the file.
using StoreId = StrongNumber<struct StoreIdTag, uint32_t>;
enum class StoreFormat : uint8_t {
  Plain,    // without checksums; stores from files of version 2 keep this format
  Checked,  // each value ends with a checksum, and the store's row has a StoreContent
};
// A digest of the content of a store, independent of the order of its entries. It detects that
// entries have vanished; checksums of single entries cannot detect this.
struct StoreContent {
  uint64_t count = 0, sum = 0;  // number of entries; sum of their hashes

  // Adds an entry, given in its stored form.
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
// The two kinds of stored keys differ in their lengths. Two longer keys are ordered only by their
// first 400 bytes. The stored value ends with a checksum u32 of the stored key and the rest of the
// value. The checksum detects damage to either of them, and a value that is stored under the key of
// another entry.
inline constexpr size_t kMaxWholeKeySize = 400;

std::string stored_key(StoreId store, std::string_view key);
// Returns the value to store under stored_key(key). The result is either `value` itself or a view
// of `scratch`.
std::string_view stored_value(StoreFormat format, std::string_view stored_key, std::string_view key,
                              std::string_view value, std::string& scratch);

bool is_cut(std::string_view stored_key);
// Returns the original key and value of a stored entry. Fails with DataCorrupted if the entry is
// damaged.
Result<Entry> original_entry(StoreFormat format, const Entry& stored);

std::string store_prefix(StoreId store);
// Returns the store id with which a stored key, or a row of the table `stores`, begins. The bytes
// must have at least four bytes.
StoreId store_of(std::string_view stored_key);

}  // namespace storage
