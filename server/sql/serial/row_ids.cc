#include "server/sql/serial/row_ids.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <string_view>

namespace server {

namespace {

// Returns the random half of the ids of this process, so that two processes with the same clock
// value give different ids.
uint64_t process_half() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

// Takes `count` consecutive numbers and returns the first. The first number is the time in microseconds since 1970,
// or the number after the last one taken if that is greater.
uint64_t take_numbers(uint64_t count) {
  static std::atomic<uint64_t> next{0};
  const auto now = static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                             std::chrono::system_clock::now().time_since_epoch())
                                             .count());
  uint64_t first = next.load(std::memory_order_relaxed);
  while (!next.compare_exchange_weak(first, std::max(first, now) + count)) {
  }
  return std::max(first, now);
}

void put_big_endian(uint64_t number, char* out) {
  for (int i = 7; i >= 0; --i, number >>= 8) out[i] = static_cast<char>(number & 0xff);
}

}  // namespace

engine::ColumnPtr with_row_ids(const engine::Column& column, size_t rows) {
  static const uint64_t own_half = process_half();
  uint64_t number = take_numbers(rows);
  std::array<char, 16> id;
  put_big_endian(own_half, id.data() + 8);
  auto filled = std::make_shared<engine::Column>(column.type());
  for (size_t row = 0; row < rows; ++row, ++number) {
    if (!column.is_null(row)) {
      filled->append_copy(column.data<std::string_view>()[row]);
      continue;
    }
    put_big_endian(number, id.data());
    filled->append_copy(std::string_view(id.data(), id.size()));
  }
  return filled;
}

}  // namespace server
