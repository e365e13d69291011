// The interface through which joins read a table that an operator keeps.
#pragma once
#include <span>
#include <string_view>
#include <utility>

#include "engine/state/row_store.h"
#include "engine/types/batch.h"

namespace engine {

// Interface of a table that an operator keeps, for joins.
//
// Threads: the task's.
class KeyedTable {
 public:
  virtual ~KeyedTable() = default;
  virtual RowStore& rows() = 0;
  // Returns rows of the store in the operator's layout; unused columns are null pointers. `rows` are pairs of key
  // bytes and stored row.
  using StoredRow = std::pair<std::string_view, const RowStore::Row*>;
  virtual Result<Batch> rows_of(std::span<const StoredRow> rows) = 0;
};

}  // namespace engine
