#include "engine/query/rows_recursion.h"

#include <utility>

namespace engine {

namespace {

constexpr size_t kMostSmallChunks = 256;
// Approximate size of a column, in addition to its values.
constexpr size_t kBytesOfColumn = 256;

}  // namespace

Result<RowsChunks> GatheredRows::add(RowsChunks rows) {
  if (!takes_doubles_) rows = TRY(without_doubles(std::move(rows)));
  for (const RowsChunk& chunk : rows) {
    if (chunk.rows == 0) continue;
    TRY(context_.add(bytes_of(chunk) + chunk.columns.size() * kBytesOfColumn));
    count_ += chunk.rows;
    if (chunk.rows >= kRowsOfChunk) {
      put_together();
      whole_.push_back(chunk);
      continue;
    }
    small_.push_back(chunk);
    small_rows_ += chunk.rows;
    if (small_rows_ >= kRowsOfChunk || small_.size() == kMostSmallChunks) put_together();
  }
  std::erase_if(rows, [](const RowsChunk& chunk) { return chunk.rows == 0; });
  return rows;
}

RowsChunks GatheredRows::take() {
  put_together();
  return std::move(whole_);
}

Result<RowsChunks> GatheredRows::without_doubles(RowsChunks rows) {
  RowsChunks out;
  for (const RowsChunk& chunk : rows) {
    TRY(context_.begin());
    const std::vector<uint32_t> fresh = TRY(seen_.first_ones(chunk.columns, chunk.rows));
    if (!fresh.empty()) out.push_back(pick(chunk, fresh));
  }
  return out;
}

void GatheredRows::put_together() {
  std::vector<Column::SourceRow> rows;
  for (uint32_t chunk = 0; chunk < small_.size(); ++chunk)
    for (uint32_t row = 0; row < small_[chunk].rows; ++row) rows.push_back({chunk, row});
  if (!rows.empty()) {
    RowsChunk merged = merge(small_, rows);
    for (ColumnPtr& column : merged.columns)
      column = std::make_shared<const Column>(column->copy());
    context_.remove(small_.size() * merged.columns.size() * kBytesOfColumn);
    whole_.push_back(std::move(merged));
  }
  small_.clear();
  small_rows_ = 0;
}

}  // namespace engine
