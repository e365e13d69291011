#include "server/tasks/generator_clock.h"

#include <algorithm>

namespace server {

Offset GeneratorClock::due() const {
  const int64_t elapsed_us = clock_.monotonic_us() - begun_us_;
  const auto rows =
      static_cast<int64_t>(static_cast<__int128>(elapsed_us) * rows_per_second_ / 1'000'000);
  return Offset(std::min(begun_row_.value_or(0) + rows, number_of_rows_));
}

std::optional<int64_t> GeneratorClock::interval_ms() const {
  if (begun_row_ && due() >= Offset(number_of_rows_)) return std::nullopt;
  constexpr int64_t kShortestMs = 10, kLongestMs = 250;
  return std::clamp(1000 / rows_per_second_, kShortestMs, kLongestMs);
}

Result<std::vector<engine::Polled>> GeneratorClock::poll(
    std::span<const std::pair<engine::PartitionRef, Offset>> positions, size_t) {
  std::vector<engine::Polled> polled(positions.size());
  for (size_t i = 0; i < positions.size(); ++i) {
    const Offset next = positions[i].second;
    const bool asks_for_rows = next < Offset(INT64_MAX);
    if (asks_for_rows && (!begun_row_ || due() - next > rows_per_second_)) {
      begun_row_ = next.value();
      begun_us_ = clock_.monotonic_us();
    }
    polled[i].readable_end = due();
    if (asks_for_rows && next < polled[i].readable_end)
      polled[i].batches.push_back({{}, next, polled[i].readable_end - 1});
  }
  return polled;
}

}  // namespace server
