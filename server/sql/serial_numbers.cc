#include "server/sql/serial_numbers.h"

namespace server {

std::optional<int64_t> SerialNumbers::take(const Column& column, int64_t count) {
  const std::lock_guard lock(mutex_);
  const auto found = next_.find(column);
  if (found == next_.end()) return std::nullopt;
  const int64_t first = found->second;
  found->second += count;
  return first;
}

void SerialNumbers::begin(const Column& column, int64_t first) {
  const std::lock_guard lock(mutex_);
  next_.try_emplace(column, first);
}

bool SerialNumbers::knows(const Column& column) const {
  const std::lock_guard lock(mutex_);
  return next_.contains(column);
}

}  // namespace server
