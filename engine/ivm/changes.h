// Changes of rows, as the steps of an incremental view pass them on.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/types/batch.h"

namespace engine {

// A row that is replaced is two changes: the old row with weight -1 and the new row with weight 1. The order of
// changes has no meaning, so a row may be removed before it is added.
//
// Invariants: weights and all columns have `rows` elements; columns that no step reads may be null pointers.
struct Changes {
  size_t rows = 0;
  std::vector<ColumnPtr> columns = {};
  std::vector<int64_t> weights = {};  // number of times that the row is added; negative: removed
};

}  // namespace engine
