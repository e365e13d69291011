#include <cstring>

#include "storage/kv/page_fault.h"

namespace storage {

namespace {

// The layout of pages and nodes in LMDB 0.9.
//
//   page   number u64, pad u16, flags u16, lower u16, upper u16, places u16{(lower - 16) / 2}
//   node   size u32 of the value, flags u16, size u16 of the key, key, value, padded to an even size
//
// Nodes fill the page from `upper` to its end.
constexpr size_t kPageHead = 16, kNodeHead = 8, kPageFlagsAt = 10, kLowerAt = 12, kUpperAt = 14;
constexpr uint16_t kLeaf = 0x02;  // an ordinary leaf has no other flag
// A node's flag: its value is the number of the first page that has the bytes.
constexpr uint16_t kValueElsewhere = 1;

uint16_t number_at(const char* page, size_t at) {
  uint16_t number;
  std::memcpy(&number, page + at, sizeof number);
  return number;
}

}  // namespace

bool MappedPages::is_whole_leaf(const char* page) const {
  const size_t lower = number_at(page, kLowerAt), upper = number_at(page, kUpperAt);
  if (number_at(page, kPageFlagsAt) != kLeaf || lower < kPageHead || lower % 2 != 0 ||
      lower > upper || upper > page_size_)
    return false;
  size_t taken = 0;
  for (size_t place = kPageHead; place < lower; place += 2) {
    const size_t node = number_at(page, place);
    if (node < upper || node % 2 != 0 || node + kNodeHead > page_size_) return false;
    uint32_t value_size;
    std::memcpy(&value_size, page + node, sizeof value_size);
    const bool is_elsewhere = (number_at(page, node + 4) & kValueElsewhere) != 0;
    const size_t size = kNodeHead + number_at(page, node + 6) +
                        (is_elsewhere ? sizeof(uint64_t) : size_t{value_size});
    taken += (size + 1) / 2 * 2;
    if (taken > page_size_ - upper) return false;
  }
  return taken == page_size_ - upper;
}

}  // namespace storage
