// Searches texts in time proportional to the sum of their lengths. This matters because clients
// choose both text and pattern.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace engine {

// Finds the occurrences of `wanted` in `text` from byte `from` on, one after another. Both texts must outlive the
// object. An empty text occurs at every position.
//
// Short patterns are searched with string_view::find(), whose worst case is the product of both
// lengths. Long patterns are searched with the algorithm of Knuth, Morris and Pratt.
class TextMatches {
 public:
  TextMatches(std::string_view text, std::string_view wanted, size_t from = 0);

  static constexpr size_t kNone = std::string_view::npos;
  // Returns the position of the next occurrence that does not overlap the last one, or kNone.
  size_t next();
  // Returns the position of the next occurrence, which may overlap the last one.
  size_t next_overlapping();

 private:
  size_t find_long();

  std::string_view text_, wanted_;
  // short pattern: the position from which the search continues; long: the next byte to compare
  size_t at_;
  // for a long pattern: number of bytes of `wanted_` that match before `at_`
  size_t fitting_ = 0;
  std::vector<uint32_t> borders_;  // long: for each prefix, the length of its longest border
};

// Returns the first occurrence, or TextMatches::kNone.
inline size_t find_text(std::string_view text, std::string_view wanted, size_t from = 0) {
  return TextMatches(text, wanted, from).next();
}

}  // namespace engine
