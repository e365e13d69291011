#include <algorithm>

#include "engine/functions/ordering.h"
#include "engine/query/rows_steps.h"

namespace engine {

namespace {

// Negative when a comes first.
int compare(const RowsChunks& chunks, const std::vector<SortKey>& keys, Column::SourceRow a,
            Column::SourceRow b) {
  for (const SortKey& key : keys) {
    const Column& left = *chunks[a.source].columns[key.column];
    const Column& right = *chunks[b.source].columns[key.column];
    const bool left_null = left.is_null(a.row), right_null = right.is_null(b.row);
    if (left_null || right_null) {
      if (left_null && right_null) continue;
      return left_null == key.nulls_first ? -1 : 1;
    }
    const auto order = compare_rows(left, a.row, right, b.row);
    if (order == 0) continue;
    return (order < 0) != key.is_descending ? -1 : 1;
  }
  if (a.source != b.source) return a.source < b.source ? -1 : 1;
  return a.row < b.row ? -1 : a.row > b.row ? 1 : 0;
}

}  // namespace

Result<RowsChunks> sort_rows(const SortRows& step, const RowsChunks& input, RowsContext& context) {
  std::vector<Column::SourceRow> order;
  for (uint32_t chunk = 0; chunk < input.size(); ++chunk)
    for (uint32_t row = 0; row < input[chunk].rows; ++row) order.push_back({chunk, row});
  const size_t order_bytes = order.size() * sizeof(Column::SourceRow);
  TRY(context.add(order_bytes));
  TRY(context.begin());
  const auto is_less = [&](Column::SourceRow a, Column::SourceRow b) {
    return compare(input, step.keys, a, b) < 0;
  };
  const size_t most = std::min(order.size(), step.most.value_or(SIZE_MAX));
  if (most < order.size()) {
    std::ranges::partial_sort(order, order.begin() + static_cast<ptrdiff_t>(most), is_less);
    order.resize(most);
  } else {
    std::ranges::sort(order, is_less);
  }
  RowsChunks out;
  for (size_t first = 0; first < order.size(); first += kRowsOfChunk) {
    TRY(context.begin());
    const size_t count = std::min(kRowsOfChunk, order.size() - first);
    TRY(context.add(out, merge(input, std::span(order).subspan(first, count))));
  }
  context.remove(order_bytes);
  return out;
}

}  // namespace engine
