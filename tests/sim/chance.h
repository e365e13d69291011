// Makes the random choices of a run. They depend only on the seed, so a run can be repeated.
#pragma once
#include <cstdint>
#include <vector>

#include "base/random.h"

namespace sim {

class Chance {
 public:
  explicit Chance(uint64_t seed) : random_(seed) {}
  Random& random() { return random_; }
  // Returns a number that is at least `low` and less than `high`.
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_.next() % static_cast<uint64_t>(high - low));
  }
  bool one_in(int64_t n) { return between(0, n) == 0; }
  bool with(double probability) { return random_.next_double() < probability; }
  template <class T>
  const T& one_of(const std::vector<T>& many) {
    return many[static_cast<size_t>(between(0, static_cast<int64_t>(many.size())))];
  }
  // Returns a delay that is mostly about `usual`, and sometimes many times longer.
  int64_t delay_us(int64_t usual) {
    const int64_t base = between(usual / 2, usual * 2 + 1);
    return one_in(40) ? base * between(5, 60) : base;
  }

 private:
  Random random_;
};

}  // namespace sim
