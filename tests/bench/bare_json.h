// The lower bound for the JSON format: the least that any program does to read and print these
// records with simdjson's on-demand front end.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

struct BareColumns {
  std::vector<std::string_view> date, origin, destination;
  std::vector<int64_t> delay, distance;
};

// Records lie one after the other in a buffer that is readable 64 bytes past the last of them.
// Gives how many were read.
size_t bare_parse(const std::vector<std::string_view>& records, BareColumns& columns);
size_t bare_parse_and_print(const std::vector<std::string_view>& records, std::string& out);

}  // namespace bench
