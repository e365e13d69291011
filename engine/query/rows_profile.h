// What a run of a SELECT's steps took: for EXPLAIN ANALYZE.
#pragma once
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace engine {

struct RowsNode;

// Of a step, all its runs together (one within WITH RECURSIVE has some); what its inputs took is part of the time.
struct StepMeasure {
  uint64_t runs = 0, rows = 0;
  int64_t us = 0;
  size_t most_bytes = 0;  // of the rows that one of its runs has given
};
using RowsProfile = std::unordered_map<const RowsNode*, StepMeasure>;

}  // namespace engine
