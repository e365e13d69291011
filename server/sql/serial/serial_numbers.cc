#include "server/sql/serial/serial_numbers.h"

#include <algorithm>

namespace server {

namespace {

// Returns number + count, or INT64_MAX if the sum is greater. No row gets INT64_MAX; it shows that the numbers are
// used up.
int64_t behind(int64_t number, int64_t count) {
  return number > INT64_MAX - count ? INT64_MAX : number + count;
}

}  // namespace

void SerialNumbers::note(const Column& column, int64_t number) {
  const std::lock_guard lock(mutex_);
  Numbers& its = numbers_[column];
  its.greatest = std::max(its.greatest, number);
  if (its.next) its.next = std::max(*its.next, behind(number, 1));
}

std::optional<int64_t> SerialNumbers::take(const Column& column, int64_t count) {
  const std::lock_guard lock(mutex_);
  const auto found = numbers_.find(column);
  if (found == numbers_.end() || !found->second.next) return std::nullopt;
  const int64_t first = *found->second.next;
  found->second.next = behind(first, count);
  return first;
}

void SerialNumbers::begin(const Column& column, int64_t first) {
  const std::lock_guard lock(mutex_);
  Numbers& its = numbers_[column];
  if (!its.next) its.next = std::max(first, behind(its.greatest, 1));
}

bool SerialNumbers::knows(const Column& column) const {
  const std::lock_guard lock(mutex_);
  const auto found = numbers_.find(column);
  return found != numbers_.end() && found->second.next;
}

}  // namespace server
