// Iterates over ARRAY and MAP arguments row by row. Private to engine/functions.
#pragma once
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "engine/functions/kernel.h"

namespace engine {

// The elements or entries of one row, as indexes in the argument's child columns.
struct ItemRange {
  uint32_t begin, end;
  uint32_t size() const { return end - begin; }
};
inline ItemRange items_of(const Argument& argument, size_t row) {
  const auto ends = argument.column->offsets();
  const size_t at = argument.index(row);
  return {ends[at], ends[at + 1]};
}

// Returns the entries of one map in the order in which Java's HashMap iterates over them. Users of
// ksqlDB see this order in MAP_KEYS and REDUCE. If the keys are not texts, the entries keep their
// order.
std::vector<uint32_t> hash_order(const Column& keys, ItemRange entries);

// Returns a column with the argument's value for each row, even if the argument is a constant.
Column expanded(const Argument& argument, size_t rows);

}  // namespace engine
