#include "client/bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace client {

namespace {

// Each value below 2 * kSteps has its own bucket. From there on, the range from a power of two to
// the next one is divided into kSteps buckets.
constexpr int kStepBits = 6;
constexpr uint64_t kSteps = 1 << kStepBits;
constexpr size_t kBuckets = 2 * kSteps + (63 - kStepBits - 1) * kSteps;

size_t bucket_of(uint64_t value) {
  if (value < 2 * kSteps) return value;
  const int shift = static_cast<int>(std::bit_width(value)) - kStepBits - 1;
  return static_cast<size_t>(shift) * kSteps + (value >> shift);
}

uint64_t largest_in(size_t bucket) {
  if (bucket < 2 * kSteps) return bucket;
  const uint64_t shift = bucket / kSteps - 1;
  return ((bucket - shift * kSteps + 1) << shift) - 1;
}

}  // namespace

Histogram::Histogram() : counts_(kBuckets) {}

void Histogram::add(int64_t value) {
  value = std::max(int64_t{0}, value);
  ++counts_[bucket_of(static_cast<uint64_t>(value))];
  ++count_;
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

int64_t Histogram::percentile(double share) const {
  const auto wanted = static_cast<int64_t>(std::ceil(share * static_cast<double>(count_)));
  int64_t seen = 0;
  for (size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    seen += counts_[bucket];
    if (seen > 0 && seen >= wanted) return std::min(max_, static_cast<int64_t>(largest_in(bucket)));
  }
  return 0;
}

}  // namespace client
