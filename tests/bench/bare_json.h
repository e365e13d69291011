// A lower bound for the JSON format: the minimum that any program must do to read and print these
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

// Reads records that lie one after another in a buffer, which must be readable 64 bytes past the
// last record. Returns the number of records read.
size_t bare_parse(const std::vector<std::string_view>& records, BareColumns& columns);
size_t bare_parse_and_print(const std::vector<std::string_view>& records, std::string& out);

}  // namespace bench
