#include "base/suggest.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace {

char folded(char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); }

}  // namespace

// Computes the optimal string alignment (Damerau, Levenshtein), with three rows of the table at a
// time.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) &&
                           folded(a[i - 2]) == folded(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string nearest_name(std::string_view word, std::span<const std::string> candidates) {
  // At most a third of the letters may be wrong. With more wrong letters, the user probably meant
  // another word.
  size_t best = std::max<size_t>(1, word.size() / 3) + 1;
  std::string found;
  if (word.size() > 64) return found;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > 64) continue;
    const size_t distance = edit_distance(word, candidate);
    if (distance >= best) continue;
    best = distance;
    found = candidate;
  }
  return found;
}

std::string closest_name(std::string_view word, std::span<const std::string> candidates) {
  const std::string found = nearest_name(word, candidates);
  const bool has_other_case = found != word && !found.empty() && edit_distance(word, found) == 0;
  return has_other_case ? "`" + found + "`" : found;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates,
                         std::string_view otherwise, std::string_view before,
                         std::string_view after) {
  const std::string nearest =
      before.empty() ? closest_name(word, candidates) : nearest_name(word, candidates);
  if (nearest.empty()) return std::string(otherwise);
  return "Did you mean " + std::string(before) + nearest + std::string(after) + "?";
}
