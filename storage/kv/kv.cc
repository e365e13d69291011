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

}  // namespace storage
