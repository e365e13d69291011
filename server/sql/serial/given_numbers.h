// Numbers that rows have been given by who writes them, and not by the sequence of their column.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace server {

struct GivenNumbers {
  std::string sequence;  // of the column, which gives numbers to rows that leave it out
  std::vector<int64_t> numbers;
};

}  // namespace server
