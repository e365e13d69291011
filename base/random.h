// The only source of randomness for logic: seeded from the system in the server, with a fixed
// number in tests. Not for secrets.
#pragma once
#include <cstdint>

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  // Returns the next number of SplitMix64 (Steele, Lea, Flood 2014), whose period is 2^64.
  uint64_t next() {
    uint64_t mixed = state_ += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
  }
  // Returns a number in [0, 1) with 53 random bits, as many as a double holds.
  double next_double() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  uint64_t state_;
};
