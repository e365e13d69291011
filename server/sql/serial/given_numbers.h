// Explicit numbers that a statement writes into a column which has a sequence.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace server {

struct GivenNumbers {
  std::string sequence;  // of the column; it numbers the rows that omit the column
  std::vector<int64_t> numbers;
};

}  // namespace server
