#include "base/iso_duration.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

Result<int64_t> parse_iso_duration(std::string_view text) {
  const Error wrong{ErrorCode::InvalidParameter,
                    fmt::format("\"{}\" is not a duration such as P1DT2H30M", text)};
  if (text.size() < 3 || text[0] != 'P') return wrong;
  struct Unit {
    char letter;
    bool is_time;
    int64_t ms;
  };
  constexpr Unit kUnits[] = {
      {'D', false, 86'400'000}, {'H', true, 3'600'000}, {'M', true, 60'000}, {'S', true, 1'000}};
  int64_t ms = 0;
  bool is_time = false;
  for (size_t at = 1; at < text.size();) {
    if (text[at] == 'T') {
      is_time = true;
      ++at;
      continue;
    }
    const size_t end = text.find_first_not_of("0123456789", at);
    if (end == text.npos) return wrong;
    int32_t count = 0;  // 32 bits, so that count times any unit fits into 64 bits
    const auto [stop, error] = std::from_chars(text.data() + at, text.data() + end, count);
    const auto* unit = std::ranges::find_if(kUnits, [&](const Unit& each) {
      return each.letter == text[end] && each.is_time == is_time;
    });
    if (error != std::errc() || stop != text.data() + end || unit == std::end(kUnits)) return wrong;
    if (__builtin_add_overflow(ms, count * unit->ms, &ms)) return wrong;
    at = end + 1;
  }
  return ms;
}
