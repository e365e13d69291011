// Explicit numbers that a statement writes into a column which has a sequence.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace server {

struct GivenNumbers {
  std::string sequence;  // the sequence of the column, for rows that omit the column
  std::vector<int64_t> numbers;
};

}  // namespace server
