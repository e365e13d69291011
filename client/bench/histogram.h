// A compact histogram of latencies, for percentiles.
#pragma once
#include <cstdint>
#include <vector>

namespace client {

// Counts values. Values below 128 are counted exactly, and larger ones with an error of at most
// 1/64 (1.6 %).
class Histogram {
 public:
  Histogram();

  void add(int64_t value);  // a negative value counts as 0

  int64_t count() const { return count_; }
  int64_t max() const { return max_; }
  double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }
  // Returns the smallest recorded value below or at which `share` (0 to 1) of all values are. The
  // result is the end of the value's bucket; it is 0 if the histogram is empty.
  int64_t percentile(double share) const;

 private:
  std::vector<int64_t> counts_;
  int64_t count_ = 0, max_ = 0;
  double sum_ = 0;
};

}  // namespace client
