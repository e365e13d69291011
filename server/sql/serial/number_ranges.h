// A set of whole numbers that form ranges.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>

namespace server {

// Invariant: ranges neither overlap nor adjoin.
// Threads: one at a time.
class NumberRanges {
 public:
  // If the set gets more than `most` ranges, it drops the second lowest range. So contains() may
  // return false for a number that was added before.
  explicit NumberRanges(size_t most) : most_(most) {}
  void add(int64_t first, int64_t last);
  bool contains(int64_t number) const;
  void clear() { ranges_.clear(); }
  size_t count() const { return ranges_.size(); }

 private:
  const size_t most_;
  std::map<int64_t, int64_t> ranges_;  // first number of each range -> its last number
};

}  // namespace server
