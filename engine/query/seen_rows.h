// Detects rows that repeat earlier rows, for steps that return each row once, such as DISTINCT and WITH RECURSIVE.
#pragma once
#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/query/rows_steps.h"

namespace engine {

// Threads: the run's. Owner: a step.
class SeenRows {
 public:
  explicit SeenRows(RowsContext& context) : context_(context) {}

  // Returns the indexes of those rows whose values are new, compared as in DISTINCT. `rows` is the number of rows in
  // the columns. The values are remembered until the end of the run, and their memory is charged. Fails with
  // OutOfMemory.
  Result<std::vector<uint32_t>> first_ones(std::vector<ColumnPtr> columns, size_t rows);

 private:
  RowsContext& context_;
  StringHeap texts_;
  absl::flat_hash_set<std::string_view> seen_;
};

}  // namespace engine
