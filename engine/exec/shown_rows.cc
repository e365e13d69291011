#include "engine/exec/shown_rows.h"

#include <cassert>

namespace engine {

ShownRows::ShownRows(RowStore& store) : store_(store), scan_(store.begin_scan()) {
  rows_.reserve(store.size());
}

Result<std::vector<KeyedTable::StoredRow>> ShownRows::next(Slice& slice) {
  constexpr size_t kMaxBlockBytes = 256 * 1024;
  constexpr size_t kGatheredAtOnce = SlicedSort<StoredRow>::kRunSize;
  std::vector<StoredRow> rows;
  if (!all_gathered_) {
    const auto gather = [&](std::string_view key, const RowStore::Row& row) {
      rows_.add(StoredRow(key, &row));
      return true;
    };
    RowStore::Loose none;
    all_gathered_ = !TRY(store_.scan(*scan_, kGatheredAtOnce, none, gather));
    assert(none.empty());
    return rows;
  }
  if (!rows_.prepare()) return rows;
  size_t bytes = 0;
  const size_t max_rows = slice.block_rows();
  while (!rows_.empty() && rows.size() < max_rows && bytes < kMaxBlockBytes) {
    rows.push_back(rows_.next());
    bytes += rows.back().second->bytes.size();
  }
  slice.spend_rows(rows.size());
  slice.spend_bytes(bytes);
  return rows;
}

}  // namespace engine
