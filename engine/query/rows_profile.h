// Measurements of the steps of a SELECT, for EXPLAIN ANALYZE.
#pragma once
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace engine {

struct RowsNode;

// Sums over all runs of a step (within WITH RECURSIVE it runs several times); the time includes that of its inputs.
struct StepMeasure {
  uint64_t runs = 0, rows = 0;
  int64_t us = 0;
  size_t most_bytes = 0;  // output of the largest run
};
using RowsProfile = std::unordered_map<const RowsNode*, StepMeasure>;

}  // namespace engine
