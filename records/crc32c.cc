#include "records/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <climits>

namespace records {

uint32_t crc32c(std::string_view bytes) {
  uint32_t state = ~0U;
  while (!bytes.empty()) {  // the library counts bytes in an int
    const size_t size = std::min<size_t>(bytes.size(), INT_MAX);
    // The parameter of the library is not const, but the library does not write to the bytes.
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    state = crc32_iscsi(data, static_cast<int>(size), state);
    bytes.remove_prefix(size);
  }
  return ~state;
}

}  // namespace records
