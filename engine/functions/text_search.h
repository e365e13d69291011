// Where a text occurs in another one, in time linear in both: texts and patterns come from clients.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace engine {

// The occurrences of `wanted` in `text` from byte `from` on, one after another. What is searched for
// outlives the object. An empty text is found everywhere.
//
// Short patterns are found by string_view::find, whose worst case is their length times the text's;
// long ones by Knuth, Morris and Pratt.
class TextMatches {
 public:
  TextMatches(std::string_view text, std::string_view wanted, size_t from = 0);

  static constexpr size_t kNone = std::string_view::npos;
  // The byte at which the next one begins that does not overlap the last one, or kNone.
  size_t next();
  // The same, where occurrences may overlap.
  size_t next_overlapping();

 private:
  size_t find_long();

  std::string_view text_, wanted_;
  size_t at_;                      // short: where to go on; long: the next byte to compare
  size_t fitting_ = 0;             // long: how many bytes of `wanted_` end before `at_`
  std::vector<uint32_t> borders_;  // long: of each prefix, the longest part that begins and ends it
};

// The first occurrence, or TextMatches::kNone.
inline size_t find_text(std::string_view text, std::string_view wanted, size_t from = 0) {
  return TextMatches(text, wanted, from).next();
}

}  // namespace engine
