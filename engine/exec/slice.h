// Limits the work that a task does before other tasks of its loop run.
#pragma once
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace engine {

struct SliceLimits {
  size_t max_rows = 4096;              // limit for rows made from rows (EXPLODE, windows)
  size_t max_bytes = size_t{1} << 20;  // bytes of output
  int64_t max_us = 1'000;
};

// The amount of work that a task may still do in one step. Operators that make many rows from one
// row check it between blocks of rows, and leave the remaining rows for the next step. So a step
// exceeds its limits by at most one block. The output does not depend on where a slice ends.
//
// Threads: the task's.
class Slice {
 public:
  // Rows are pushed in blocks of at most this size. All operators together need about two
  // milliseconds for a block. A step ends only at the end of a block, and a look-up by another loop
  // has to wait for up to three such steps. With smaller blocks, fewer updates of the same key
  // would be merged.
  static constexpr size_t kBlockRows = 1024;
  // Number of entries of a store that are fetched into memory before the clock is checked again.
  // Each of them may have to wait for the disk.
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
  // Returns whether the step has taken at least twice its time limit. This happens if a single
  // piece of work between two checks of the clock was too large.
  bool is_overrun() const { return clock_.monotonic_us() >= until_us_ + max_us_; }
  size_t bytes_left() const { return bytes_left_; }
  uint64_t all_bytes() const { return all_bytes_; }  // number of bytes written in all slices so far
  // Returns the number of rows that the next block may have, at least one.
  size_t block_rows() const {
    const size_t rows = rows_left_ < kBlockRows ? rows_left_ : kBlockRows;
    return rows == 0 ? 1 : rows;
  }
  // Returns the number of bytes that the next block may have, at least one; a larger row is a block by itself.
  size_t block_bytes() const { return bytes_left_ == 0 ? 1 : bytes_left_; }

 private:
  const Clock& clock_;
  size_t rows_left_ = 0, bytes_left_ = 0;
  uint64_t all_bytes_ = 0;
  int64_t max_us_ = 0, until_us_ = 0;
};

}  // namespace engine
