// Measurements of the steps of a SELECT, for EXPLAIN ANALYZE.
#pragma once
#include <cstddef>
#include <cstdint>
#include <unordered_map>

namespace engine {

struct RowsNode;

// Sums over all runs of a step, except most_bytes. (A step within WITH RECURSIVE runs several times.) The time includes
// the time of the step's inputs.
struct StepMeasure {
  uint64_t runs = 0, rows = 0;
  int64_t us = 0;
  size_t most_bytes = 0;  // bytes of the largest output of a run
};
using RowsProfile = std::unordered_map<const RowsNode*, StepMeasure>;

}  // namespace engine
