#include "engine/formats/written_number.h"

#include <algorithm>

#include "engine/types/text_number.h"

namespace engine {

namespace {

// Removes currencies, per cent signs, blanks and apostrophes, which some languages write within numbers.
std::string without_marks(std::string_view text) {
  constexpr std::string_view kMarks[] = {"$",   "\u20ac", "\u00a3", "%", " ",
                                         "EUR", "USD",    "\u00a0", "'", "\u202f"};
  std::string plain(text);
  for (const std::string_view mark : kMarks)
    for (size_t at = plain.find(mark); at != plain.npos; at = plain.find(mark))
      plain.erase(at, mark.size());
  return plain;
}

}  // namespace

std::string hint_for_written_number(std::string_view text) {
  constexpr size_t kLongest = 60;  // longer texts are no numbers
  if (text.size() > kLongest) return {};
  std::string number = without_marks(text);
  const size_t comma = number.rfind(','), point = number.rfind('.');
  const auto commas = std::ranges::count(number, ',');
  if (comma != number.npos) {
    constexpr size_t kGroup = 4;  // a comma and three digits
    const bool separates_thousands =
        point != number.npos ? comma < point : commas > 1 || number.size() - comma == kGroup;
    if (separates_thousands) {
      std::erase(number, ',');
    } else {
      number[comma] = '.';
      // 1.234,50: the points separate thousands
      for (size_t i = comma; i-- > 0;)
        if (number[i] == '.') number.erase(i, 1);
    }
  }
  if (number == text || !parse_decimal(number)) return {};
  return "Write " + number +
         ": a number has a point before its fraction, and neither other separators nor units.";
}

}  // namespace engine
