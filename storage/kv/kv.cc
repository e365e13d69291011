#include "storage/kv/kv.h"

#include <cassert>
#include <cstring>

namespace storage {

uint64_t IntegerKey::value_of(std::string_view key) {
  uint64_t value;
  assert(key.size() == sizeof value);
  std::memcpy(&value, key.data(), sizeof value);
  return value;
}

std::optional<std::string> end_of_prefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace storage
