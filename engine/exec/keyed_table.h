// The interface through which a join reads a table that another operator keeps.
#pragma once
#include <span>
#include <string_view>
#include <utility>

#include "engine/state/row_store.h"
#include "engine/types/batch.h"

namespace engine {

// A table that an operator keeps, as joins see it.
//
// Threads: the task's.
class KeyedTable {
 public:
  virtual ~KeyedTable() = default;
  virtual RowStore& rows() = 0;
  // Converts rows of the store to the operator's layout; unused columns are null pointers. Each
  // element of `rows` is a pair of key bytes and stored row.
  using StoredRow = std::pair<std::string_view, const RowStore::Row*>;
  virtual Result<Batch> rows_of(std::span<const StoredRow> rows) = 0;
};

}  // namespace engine
