#include "engine/types/row_size.h"

#include <vector>

namespace engine {

namespace {

// size of a null, a value other than a string, or a nested frame
constexpr size_t kScalarBytes = 8;

void add_list_bytes(const Column& list, size_t first, std::span<size_t> bytes) {
  const std::span<const uint32_t> ends = list.offsets();
  const size_t begin = ends[first];
  if (list.child_count() == 1 && !holds_strings(list.child(0).type()) &&
      !list.child(0).type().is_nested()) {
    for (size_t i = 0; i < bytes.size(); ++i)
      bytes[i] += (ends[first + i + 1] - ends[first + i]) * kScalarBytes;
    return;
  }
  std::vector<size_t> items(ends[first + bytes.size()] - begin, 0);
  for (size_t part = 0; part < list.child_count(); ++part)
    add_row_bytes(list.child(part), begin, items);
  for (size_t i = 0; i < bytes.size(); ++i)
    for (size_t item = ends[first + i]; item < ends[first + i + 1]; ++item)
      bytes[i] += items[item - begin];
}

void add_struct_bytes(const Column& fields, size_t first, std::span<size_t> bytes) {
  size_t names = 0;
  for (const Field& field : fields.type().fields()) names += field.name.size();
  for (size_t& row : bytes) row += names;
  for (size_t part = 0; part < fields.child_count(); ++part)
    add_row_bytes(fields.child(part), first, bytes);
}

size_t range_bytes(const Column& column, size_t begin, size_t end) {
  const SqlType& type = column.type();
  size_t bytes = (end - begin) * element_size(type.kind());
  if (type.kind() == TypeKind::String || type.kind() == TypeKind::Bytes) {
    for (const std::string_view text : column.data<std::string_view>().subspan(begin, end - begin))
      bytes += text.size();
  } else if (type.kind() == TypeKind::Struct) {
    for (size_t part = 0; part < column.child_count(); ++part)
      bytes += range_bytes(column.child(part), begin, end);
  } else if (type.is_nested() && end > begin) {
    for (size_t part = 0; part < column.child_count(); ++part)
      bytes += range_bytes(column.child(part), column.offsets()[begin], column.offsets()[end]);
  }
  return bytes;
}

}  // namespace

size_t copied_bytes(const Column& column, size_t row) { return range_bytes(column, row, row + 1); }

void add_row_bytes(const Column& column, size_t first, std::span<size_t> bytes) {
  if (bytes.empty()) return;
  for (size_t& row : bytes) row += kScalarBytes;
  switch (column.type().kind()) {
    case TypeKind::String:
    case TypeKind::Bytes: {
      const auto strings = column.data<std::string_view>().subspan(first, bytes.size());
      for (size_t i = 0; i < bytes.size(); ++i) bytes[i] += strings[i].size();
      break;
    }
    case TypeKind::Array:
    case TypeKind::Map:
      return add_list_bytes(column, first, bytes);
    case TypeKind::Struct:
      return add_struct_bytes(column, first, bytes);
    default:
      break;
  }
}

}  // namespace engine
