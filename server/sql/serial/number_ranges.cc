#include "server/sql/serial/number_ranges.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace server {

void NumberRanges::add(int64_t first, int64_t last) {
  if (first > last) return;
  auto next = ranges_.upper_bound(first);
  if (next != ranges_.begin()) {
    const auto before = std::prev(next);
    if (before->second == INT64_MAX || before->second + 1 >= first) {
      first = before->first;
      last = std::max(last, before->second);
      next = ranges_.erase(before);
    }
  }
  while (next != ranges_.end() && (last == INT64_MAX || next->first <= last + 1)) {
    last = std::max(last, next->second);
    next = ranges_.erase(next);
  }
  const auto added = ranges_.emplace(first, last).first;
  assert(added == ranges_.begin() || std::prev(added)->second + 1 < first);
  assert(std::next(added) == ranges_.end() || last + 1 < std::next(added)->first);
  if (ranges_.size() > most_) ranges_.erase(std::next(ranges_.begin()));
}

bool NumberRanges::contains(int64_t number) const {
  const auto next = ranges_.upper_bound(number);
  return next != ranges_.begin() && std::prev(next)->second >= number;
}

}  // namespace server
