// Estimates the memory of rows that wait for their client or for the next step of a query.
#pragma once
#include <cstddef>
#include <span>

#include "engine/types/column.h"

namespace engine {

// Returns an estimate of the memory of rows [first_row, end_row). Each value counts with the size
// of the widest layout.
inline size_t bytes_of(const Column& column, size_t first_row, size_t end_row) {
  constexpr size_t kBytesPerRow = 17;  // bytes of a value in the widest layout, and of its validity
  const TypeKind kind = column.type().kind();
  const size_t rows = end_row - first_row;
  size_t bytes = sizeof(Column) + rows * kBytesPerRow;
  if (kind == TypeKind::String || kind == TypeKind::Bytes)
    for (const std::string_view text : column.data<std::string_view>().subspan(first_row, rows))
      bytes += text.size();
  if (kind == TypeKind::Array || kind == TypeKind::Map) {
    const std::span<const uint32_t> offsets = column.offsets();
    first_row = offsets[first_row];
    end_row = offsets[end_row];
  }
  for (size_t i = 0; i < column.child_count(); ++i)
    bytes += bytes_of(column.child(i), first_row, end_row);
  return bytes;
}

inline size_t bytes_of(const Column& column) { return bytes_of(column, 0, column.size()); }

inline size_t bytes_of(std::span<const ColumnPtr> columns, size_t first_row, size_t end_row) {
  size_t bytes = 0;
  for (const ColumnPtr& column : columns) bytes += bytes_of(*column, first_row, end_row);
  return bytes;
}

}  // namespace engine
