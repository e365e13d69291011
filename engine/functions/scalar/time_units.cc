#include "engine/functions/scalar/time_units.h"

#include <utility>

#include "engine/types/ascii.h"

namespace engine {

std::string unit_name(std::string_view unit) {
  constexpr size_t kLongest = 40;  // errors show the name
  const std::string name = lower_case(unit.substr(0, kLongest));
  constexpr std::pair<std::string_view, std::string_view> kSynonyms[] = {
      {"us", "microseconds"},
      {"usec", "microseconds"},
      {"usecs", "microseconds"},
      {"usecond", "microseconds"},
      {"microsecond", "microseconds"},
      {"ms", "milliseconds"},
      {"msec", "milliseconds"},
      {"msecs", "milliseconds"},
      {"millisecond", "milliseconds"},
      {"s", "second"},
      {"sec", "second"},
      {"secs", "second"},
      {"seconds", "second"},
      {"m", "minute"},
      {"min", "minute"},
      {"mins", "minute"},
      {"minutes", "minute"},
      {"h", "hour"},
      {"hr", "hour"},
      {"hrs", "hour"},
      {"hours", "hour"},
      {"d", "day"},
      {"days", "day"},
      {"w", "week"},
      {"weeks", "week"},
      {"mon", "month"},
      {"mons", "month"},
      {"months", "month"},
      {"qtr", "quarter"},
      {"y", "year"},
      {"yr", "year"},
      {"yrs", "year"},
      {"years", "year"},
      {"dec", "decade"},
      {"decs", "decade"},
      {"decades", "decade"},
      {"c", "century"},
      {"cent", "century"},
      {"centuries", "century"},
      {"mil", "millennium"},
      {"mils", "millennium"},
      {"millennia", "millennium"}};
  for (const auto& [synonym, meaning] : kSynonyms)
    if (name == synonym) return std::string(meaning);
  return name;
}

}  // namespace engine
