#include "engine/exec/batch_bytes.h"

namespace engine {

namespace {

size_t bytes_of(const Column& column) {
  size_t bytes = column.size() * sizeof(int64_t);
  const TypeKind kind = column.type().kind();
  if (kind == TypeKind::String || kind == TypeKind::Bytes) {
    for (const std::string_view text : column.data<std::string_view>())
      bytes += sizeof(std::string_view) + text.size();
  }
  for (size_t i = 0; i < column.child_count(); ++i) bytes += bytes_of(column.child(i));
  return bytes;
}

}  // namespace

size_t bytes_of(const Batch& batch) {
  size_t bytes = batch.rows * 2 * sizeof(int64_t);
  for (const ColumnPtr& column : batch.columns)
    if (column) bytes += bytes_of(*column);
  for (const std::string& headers : batch.raw_headers) bytes += headers.size();
  return bytes;
}

}  // namespace engine
