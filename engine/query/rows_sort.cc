#include <algorithm>
#include <compare>

#include "engine/functions/ordering.h"
#include "engine/query/rows_steps.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

// Enumerations, intervals and their like are ordered otherwise than the texts that they are kept as.
std::strong_ordering compare_as_ordered(const Column& left, size_t left_row, const Column& right,
                                        size_t right_row) {
  const SqlType& type = left.type();
  if (type.label() == label::kNone || !has_comparable_form(type))
    return compare_rows(left, left_row, right, right_row);
  return comparable_text(type, left.data<std::string_view>()[left_row]) <=>
         comparable_text(type, right.data<std::string_view>()[right_row]);
}

}  // namespace

RowsComparison::RowsComparison(const RowsChunks& chunks, size_t first_column,
                               std::span<const RowsOrder> keys)
    : chunks_(chunks) {
  for (const RowsOrder& key : keys) add_key(first_column++, key.is_descending, key.nulls_first);
}

int RowsComparison::compare(Column::SourceRow a, Column::SourceRow b, size_t keys) const {
  for (size_t i = 0; i < keys; ++i) {
    const SortKey& key = keys_[i];
    const Column& left = *chunks_[a.source].columns[key.column];
    const Column& right = *chunks_[b.source].columns[key.column];
    const bool left_null = left.is_null(a.row), right_null = right.is_null(b.row);
    if (left_null || right_null) {
      if (left_null && right_null) continue;
      return left_null == key.nulls_first ? -1 : 1;
    }
    const auto order = compare_as_ordered(left, a.row, right, b.row);
    if (order == 0) continue;
    return (order < 0) != key.is_descending ? -1 : 1;
  }
  return 0;
}

Result<RowsChunks> sort_rows(const SortRows& step, const RowsChunks& input, RowsContext& context) {
  std::vector<Column::SourceRow> order;
  for (uint32_t chunk = 0; chunk < input.size(); ++chunk)
    for (uint32_t row = 0; row < input[chunk].rows; ++row) order.push_back({chunk, row});
  const size_t order_bytes = order.size() * sizeof(Column::SourceRow);
  TRY(context.add(order_bytes));
  TRY(context.begin());
  RowsComparison keys(input, 0, {});
  for (const SortKey& key : step.keys) keys.add_key(key.column, key.is_descending, key.nulls_first);
  const auto is_less = [&](Column::SourceRow a, Column::SourceRow b) {
    const int by_keys = keys.compare(a, b);
    if (by_keys != 0) return by_keys < 0;
    return a.source != b.source ? a.source < b.source : a.row < b.row;
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
