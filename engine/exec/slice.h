// How much a task does before others have their turn.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace engine {

struct SliceLimits {
  size_t max_rows = 4096;              // that operators make of others, as EXPLODE and windows do
  size_t max_bytes = size_t{1} << 20;  // of output
  int64_t max_us = 1'000;
};

// What one step of a task may still do. Operators that make many rows of one look at it between
// blocks of rows, and leave the rest for the next step; so a step takes its limits and one block more.
// Where it ends changes nothing of what comes out.
//
// Threads: the task's.
class Slice {
 public:
  // Made rows are pushed in blocks of at most this many, with all that follows some two milliseconds of
  // work: a step is over only at the end of a block, and a look-up waits for up to three steps of the
  // loops that it passes. Smaller ones would leave more updates of one key unmerged.
  static constexpr size_t kBlockRows = 1024;
  // So many entries of a store are fetched into memory before the clock is looked at: each may wait for the
  // disk.
  static constexpr uint64_t kBlockFetches = 128;

  explicit Slice(const Clock& clock) : clock_(clock) {}

  void begin(const SliceLimits& limits) {
    rows_left_ = limits.max_rows;
    bytes_left_ = limits.max_bytes;
    max_us_ = limits.max_us;
    until_us_ = clock_.monotonic_us() + max_us_;
  }
  void spend_rows(size_t rows) { rows_left_ -= rows < rows_left_ ? rows : rows_left_; }
  void spend_bytes(size_t bytes) {
    bytes_left_ -= bytes < bytes_left_ ? bytes : bytes_left_;
    all_bytes_ += bytes;
  }
  bool is_spent() const {
    return rows_left_ == 0 || bytes_left_ == 0 || clock_.monotonic_us() >= until_us_;
  }
  // Whether it has taken twice the time that it should: what was done in one piece was too much.
  bool is_overrun() const { return clock_.monotonic_us() >= until_us_ + max_us_; }
  size_t bytes_left() const { return bytes_left_; }
  uint64_t all_bytes() const { return all_bytes_; }  // of all slices that there were
  // How many rows the next block may have: at least one.
  size_t block_rows() const {
    const size_t rows = rows_left_ < kBlockRows ? rows_left_ : kBlockRows;
    return rows == 0 ? 1 : rows;
  }
  // Likewise bytes: a row that is larger goes alone.
  size_t block_bytes() const { return bytes_left_ == 0 ? 1 : bytes_left_; }

 private:
  const Clock& clock_;
  size_t rows_left_ = 0, bytes_left_ = 0;
  uint64_t all_bytes_ = 0;
  int64_t max_us_ = 0, until_us_ = 0;
};

}  // namespace engine
