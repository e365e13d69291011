// Which rows have come before.
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

  // Those of `rows` rows whose values come for the first time, as DISTINCT compares them. Charges what it remembers of
  // them, for as long as the run goes on. Fails with OutOfMemory.
  Result<std::vector<uint32_t>> first_ones(std::vector<ColumnPtr> columns, size_t rows);

 private:
  RowsContext& context_;
  StringHeap texts_;
  absl::flat_hash_set<std::string_view> seen_;
};

}  // namespace engine
