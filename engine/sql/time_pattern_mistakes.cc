#include "engine/sql/time_pattern_mistakes.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/types/ascii.h"

namespace engine {

namespace {

// A sequence of the same letter, outside of quotes.
struct Run {
  char letter = 0;
  size_t start = 0, length = 0;
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::vector<Run> runs_of(std::string_view pattern) {
  std::vector<Run> runs;
  bool is_quoted = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\'') is_quoted = !is_quoted;
    if (is_quoted || !is_letter(pattern[i])) continue;
    const bool continues = !runs.empty() && runs.back().letter == pattern[i] &&
                           runs.back().start + runs.back().length == i;
    if (continues)
      ++runs.back().length;
    else
      runs.push_back({pattern[i], i, 1});
  }
  return runs;
}

struct Correction {
  char letter;               // the letter that was probably meant
  std::string_view meaning;  // what the written letter means
};

// Returns the correction of run `i`, or nothing if its letter is probably right.
std::optional<Correction> correction(const std::vector<Run>& runs, size_t i) {
  const auto has = [&](std::string_view letters) {
    return std::ranges::any_of(
        runs, [&](const Run& each) { return letters.find(each.letter) != letters.npos; });
  };
  const auto is_one_of = [&](size_t at, std::string_view letters) {
    return at < runs.size() && letters.find(runs[at].letter) != letters.npos;
  };
  const bool follows_hour = i > 0 && is_one_of(i - 1, "HhKk");
  switch (runs[i].letter) {
    case 'Y':
      if (!has("wW")) return Correction{'y', "Y is the year of the week"};
      break;
    case 'D':
      if (has("ML") || (has("m") && !has("HhKk")))
        return Correction{'d', "D is the day of the year"};
      break;
    case 'm': {
      const bool is_in_date = (i > 0 && is_one_of(i - 1, "yYud")) || is_one_of(i + 1, "dD");
      if (is_in_date && !follows_hour && !has("ML")) return Correction{'M', "m is the minute"};
      break;
    }
    case 'M':
      if (follows_hour) return Correction{'m', "M is the month"};
      break;
    case 'h':
      if (!has("aBb")) return Correction{'H', "h is the hour from 1 to 12"};
      break;
    case 'S':
      if (!has("sAnN") && i > 0 && is_one_of(i - 1, "mM"))
        return Correction{'s', "S is the fraction of a second"};
      break;
    default:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::optional<LikelyMistake> mistake_in_java_pattern(std::string_view pattern) {
  const std::vector<Run> runs = runs_of(pattern);
  std::string corrected(pattern), meanings;
  for (size_t i = 0; i < runs.size(); ++i) {
    const auto found = correction(runs, i);
    if (!found) continue;
    std::fill_n(corrected.begin() + static_cast<ptrdiff_t>(runs[i].start), runs[i].length,
                found->letter);
    if (meanings.find(found->meaning) == std::string::npos)
      meanings += (meanings.empty() ? "" : ", ") + std::string(found->meaning);
  }
  if (meanings.empty()) return std::nullopt;
  return LikelyMistake{fmt::format("in the pattern '{}', {}", pattern, meanings),
                       fmt::format("Did you mean '{}'?", corrected)};
}

std::optional<LikelyMistake> mistake_in_to_char_pattern(std::string_view pattern) {
  const std::string upper = upper_case(pattern);
  for (const std::string_view hour : {"HH24", "HH12", "HH"})
    for (const std::string_view separator : {":", ""}) {
      const size_t at = upper.find(std::string(hour) + std::string(separator) + "MM");
      if (at == std::string::npos) continue;
      std::string corrected(pattern);
      corrected.replace(at + hour.size() + separator.size(), 2, "MI");
      return LikelyMistake{
          fmt::format("in the pattern '{}', MM after the hour is the month", pattern),
          fmt::format("Did you mean '{}'?", corrected)};
    }
  return std::nullopt;
}

}  // namespace engine
