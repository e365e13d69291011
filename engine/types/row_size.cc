#include "engine/types/row_size.h"

#include <vector>

namespace engine {

namespace {

constexpr size_t kScalarBytes = 8;  // of a value that is no string, a null, or the frame of others

void add_list_bytes(const Column& list, size_t first, std::span<size_t> bytes) {
  const std::span<const uint32_t> ends = list.offsets();
  const size_t begin = ends[first];
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

}  // namespace

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
