#include "engine/functions/lists.h"

#include <algorithm>

#include "engine/java/utf16.h"

namespace engine {

namespace {

// Returns Java's String.hashCode() of the text, mixed as in HashMap.
uint32_t java_hash(std::string_view text) {
  uint32_t hash = 0;
  if (is_ascii(text))
    for (const char c : text) hash = hash * 31 + static_cast<unsigned char>(c);
  else
    for (const char16_t unit : to_utf16(text)) hash = hash * 31 + unit;
  return hash ^ hash >> 16;
}

}  // namespace

std::vector<uint32_t> hash_order(const Column& keys, ItemRange entries) {
  std::vector<uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), entries.begin);
  if (keys.type().kind() != TypeKind::String) return order;
  // ksqlDB creates its maps with a capacity for their number of entries. Java's HashMap doubles its
  // table if more than three quarters of it are used, so the order of the entries depends on the
  // size of the table.
  uint32_t buckets = 2;
  while (uint64_t{entries.size()} * 4 > uint64_t{buckets} * 3) buckets *= 2;
  const auto bucket = [&](uint32_t entry) {
    return keys.is_null(entry) ? 0
                               : java_hash(keys.data<std::string_view>()[entry]) & (buckets - 1);
  };
  std::ranges::stable_sort(order, {}, bucket);
  return order;
}

Column expanded(const Argument& argument, size_t rows) {
  if (!argument.is_constant && argument.column->size() == rows) return argument.column->clone();
  std::vector<uint32_t> from(rows);
  if (!argument.is_constant) std::iota(from.begin(), from.end(), 0U);
  return argument.column->gather(from);
}

}  // namespace engine
