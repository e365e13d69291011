#include "engine/types/batch.h"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace engine {

namespace {

std::vector<ColumnPtr> gather_all(const std::vector<ColumnPtr>& columns,
                                  std::span<const uint32_t> which) {
  std::vector<ColumnPtr> out;
  out.reserve(columns.size());
  for (const ColumnPtr& column : columns)
    out.push_back(column ? std::make_shared<const Column>(column->gather(which)) : nullptr);
  return out;
}

Bitmap gather_bits(const Bitmap& bits, std::span<const uint32_t> which) {
  Bitmap out(which.size(), false);
  for (size_t i = 0; i < which.size(); ++i)
    if (bits.test(which[i])) out.set(i);
  return out;
}

}  // namespace

Batch Batch::gather(std::span<const uint32_t> which) const {
  Batch out;
  out.rows = which.size();
  out.columns = gather_all(columns, which);
  out.timestamps.reserve(which.size());
  out.offsets.reserve(which.size());
  for (const uint32_t row : which) {
    out.timestamps.push_back(timestamps[row]);
    out.append_record_of(*this, row);
  }
  out.partition = partition;
  out.present = gather_bits(present, which);
  if (has_old()) {
    out.old_columns = gather_all(old_columns, which);
    out.old_present = gather_bits(old_present, which);
  }
  return out;
}

Batch Batch::slice(size_t first, size_t count) const {
  assert(first + count <= rows);
  std::vector<uint32_t> which(count);
  std::iota(which.begin(), which.end(), static_cast<uint32_t>(first));
  return gather(which);
}

Batch Batch::owned(size_t first) const {
  Batch out = first == 0 ? *this : slice(first, rows - first);
  for (std::vector<ColumnPtr>* side : {&out.columns, &out.old_columns})
    for (ColumnPtr& column : *side)
      if (column && holds_strings(column->type()))
        column = std::make_shared<const Column>(column->copy());
  return out;
}

Batch Batch::merge(std::span<const Batch* const> sources, std::span<const Column::SourceRow> rows) {
  Batch out;
  out.rows = rows.size();
  out.present = Bitmap(out.rows, false);
  out.timestamps.reserve(out.rows);
  out.offsets.reserve(out.rows);
  out.partitions.reserve(out.rows);
  for (size_t i = 0; i < rows.size(); ++i) {
    const Batch& source = *sources[rows[i].source];
    out.timestamps.push_back(source.timestamps[rows[i].row]);
    out.offsets.push_back(source.offsets[rows[i].row]);
    out.partitions.push_back(source.partition_of(rows[i].row));
    if (source.present.test(rows[i].row)) out.present.set(i);
  }
  if (std::ranges::any_of(sources, [](const Batch* one) { return !one->raw_headers.empty(); })) {
    for (const Column::SourceRow& row : rows) {
      const Batch& source = *sources[row.source];
      out.raw_headers.push_back(source.raw_headers.empty() ? "" : source.raw_headers[row.row]);
    }
  }
  for (size_t column = 0; column < sources.front()->columns.size(); ++column) {
    std::vector<const Column*> parts;
    for (const Batch* source : sources) parts.push_back(source->columns[column].get());
    out.columns.push_back(parts.front() ? std::make_shared<const Column>(Column::merge(parts, rows))
                                        : nullptr);
  }
  return out;
}

}  // namespace engine
