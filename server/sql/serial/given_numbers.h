// Explicit numbers that a statement writes into a column which has a sequence.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace server {

struct GivenNumbers {
  // Catalog name of the column's sequence, which numbers rows that omit the column.
  std::string sequence;
  std::vector<int64_t> numbers;
};

}  // namespace server
