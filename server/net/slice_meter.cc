#include "server/net/slice_meter.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "base/clock.h"
#include "base/log.h"

namespace server {

int64_t SliceMeter::now_us() { return SystemClock().monotonic_us(); }

//   slice_us  0 1 2 ... 7 | 8 9 ... 15 | 16 18 20 ... 30 | 32 36 40 ... 60 | ...
//   bucket    0 1 2 ... 7 | 8 9 ... 15 | 16 17 18 ... 23 | 24 25 26 ... 31 | ...
size_t SliceMeter::bucket_of(int64_t slice_us) {
  const auto us = static_cast<uint64_t>(std::max<int64_t>(slice_us, 0));
  if (us < 8) return us;
  const size_t power = static_cast<size_t>(std::bit_width(us)) - 1;
  return std::min(kBuckets - 1, (power - 2) * 8 + ((us >> (power - 3)) & 7));
}

int64_t SliceMeter::upper_end_us(size_t bucket) {
  if (bucket < 8) return static_cast<int64_t>(bucket);
  const size_t shift = bucket / 8 - 1;
  return static_cast<int64_t>(((8 + bucket % 8 + 1) << shift) - 1);
}

void SliceMeter::begin(const char* what) {
  if (depth_++ > 0) return;
  if (before_next_) std::exchange(before_next_, nullptr)();
  began_us_ = now_us();
  describe(what);
}

void SliceMeter::end() {
  assert(depth_ > 0);
  if (--depth_ == 0) note(now_us() - began_us_);
}

void SliceMeter::next(std::string_view what) {
  const int64_t now = now_us();
  note(now - began_us_);
  began_us_ = now;
  describe(what);
}

void SliceMeter::describe(std::string_view what) {
  what_size_ = std::min(what.size(), what_.size());
  std::memcpy(what_.data(), what.data(), what_size_);
}

void SliceMeter::note(int64_t slice_us) {
  buckets_[bucket_of(slice_us)].fetch_add(1, std::memory_order_relaxed);
  // If read() runs at the same time, this maximum may be counted only in the next reading, but it
  // is never lost.
  if (slice_us > max_us_.load(std::memory_order_relaxed))
    max_us_.store(slice_us, std::memory_order_relaxed);
  if (slice_us > longest_us_.load(std::memory_order_relaxed))
    longest_us_.store(slice_us, std::memory_order_relaxed);
  if (slice_us <= kWarnUs || !log_rate_.allows(now_us())) return;
  log_warn("loop was held loop={} ms={} by=\"{}\" not_shown={}", loop_name_, slice_us / 1000,
           std::string_view(what_.data(), what_size_), log_rate_.take_suppressed());
}

SliceReading SliceMeter::read() {
  std::array<uint32_t, kBuckets> counts;
  SliceReading reading;
  for (size_t i = 0; i < kBuckets; ++i)
    reading.count += counts[i] = buckets_[i].exchange(0, std::memory_order_relaxed);
  reading.max_us = max_us_.exchange(0, std::memory_order_relaxed);
  const auto quantile = [&](uint64_t rank) {
    uint64_t seen = 0;
    for (size_t i = 0; i < kBuckets; ++i)
      if ((seen += counts[i]) >= rank) return std::min(upper_end_us(i), reading.max_us);
    return reading.max_us;
  };
  if (reading.count == 0) return reading;
  reading.p50_us = quantile((reading.count + 1) / 2);
  reading.p99_us = quantile((reading.count * 99 + 99) / 100);
  return reading;
}

}  // namespace server
