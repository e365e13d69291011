// Walking ARRAY and MAP arguments row by row. Private to engine/functions.
#pragma once
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "engine/functions/kernel.h"

namespace engine {

// The elements, or entries, of one row: positions in the argument's child columns.
struct ItemRange {
  uint32_t begin, end;
  uint32_t size() const { return end - begin; }
};
inline ItemRange items_of(const Argument& argument, size_t row) {
  const auto ends = argument.column->offsets();
  const size_t at = argument.index(row);
  return {ends[at], ends[at + 1]};
}

// Entries of one map in the order in which Java's HashMap walks through them: ksqlDB's users see it
// in MAP_KEYS and REDUCE. Keys that are not texts stay in their order.
std::vector<uint32_t> hash_order(const Column& keys, ItemRange entries);

// A column with the argument's value for each row, even if it is a constant.
Column expanded(const Argument& argument, size_t rows);

}  // namespace engine
