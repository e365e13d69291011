// Decodes keys that were read from a file that may be damaged.
#pragma once
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace storage {

// Returns the number of an IntegerKey. Returns nothing if the key has another size: in a damaged
// file, a page of another table may be in the place of the right page.
inline std::optional<uint64_t> checked_integer_key(std::string_view key) {
  uint64_t value;
  if (key.size() != sizeof value) return std::nullopt;
  std::memcpy(&value, key.data(), sizeof value);
  return value;
}

}  // namespace storage
