// The existing rows of a table, in the order of their keys, which a push query on the table shows
// first.
#pragma once
#include <vector>

#include "engine/exec/keyed_table.h"
#include "engine/exec/slice.h"
#include "engine/state/sliced_sort.h"

namespace engine {

// The store must be completely in memory, and must not change meanwhile. (It does not change
// because the task takes no records.)
//
// Threads: the task's. Owner: the operator that keeps the table.
class ShownRows {
 public:
  explicit ShownRows(RowStore& store);
  // Returns a block of rows; empty while rows are still being gathered and sorted, and at the end.
  Result<std::vector<KeyedTable::StoredRow>> next(Slice& slice);
  bool is_at_end() const { return all_gathered_ && rows_.empty(); }

 private:
  using StoredRow = KeyedTable::StoredRow;
  struct ByKey {
    bool operator()(const StoredRow& a, const StoredRow& b) const { return a.first < b.first; }
  };
  RowStore& store_;
  StoreScanPtr scan_;  // over the rows that are not in `rows_` yet
  bool all_gathered_ = false;
  SlicedSort<StoredRow, ByKey> rows_;
};

// Marks the rows as inserts that replace no row. The old columns are only placeholders.
inline void mark_as_new(Batch& batch) {
  batch.old_columns = batch.columns;
  batch.old_present = Bitmap(batch.rows, false);
}

}  // namespace engine
