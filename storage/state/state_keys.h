// How the keys of state entries fit into the store's keys, which end at 511 bytes.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/kv/kv.h"

namespace storage {

// A task's store within the file.
using StoreId = StrongNumber<struct StoreIdTag, uint32_t>;

//                | key of at most 400 bytes | longer key
//   -------------+--------------------------+---------------------------------------------
//   stored key   | store id u32, key        | store id u32, its first 400 bytes, hash u128
//   stored value | value                    | size of the key varint, the whole key, value
//
// The stored keys of the two differ in their lengths. Keys that are cut are ordered among themselves
// by their first 400 bytes only.
inline constexpr size_t kMaxWholeKeySize = 400;

std::string stored_key(StoreId store, std::string_view key);
// The value to store; `scratch` keeps the bytes when they are not `value` itself.
std::string_view stored_value(std::string_view key, std::string_view value, std::string& scratch);

bool is_cut(std::string_view stored_key);
// The entry as it was given. Fails with StorageFailure when it is damaged.
Result<Entry> original_entry(const Entry& stored);

std::string store_prefix(StoreId store);
StoreId store_of(std::string_view stored_key);

}  // namespace storage
