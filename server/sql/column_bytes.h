// How much memory rows take that wait for their client.
#pragma once
#include <cstddef>

#include "engine/types/column.h"

namespace server {

// About: the layout's width is taken as that of the widest.
inline size_t bytes_of(const engine::Column& column) {
  using engine::TypeKind;
  constexpr size_t kBytesPerRow = 17;  // the widest layout, and the validity
  size_t bytes = sizeof(engine::Column) + column.size() * kBytesPerRow;
  if (column.type().kind() == TypeKind::String || column.type().kind() == TypeKind::Bytes)
    for (const std::string_view text : column.data<std::string_view>()) bytes += text.size();
  for (size_t i = 0; i < column.child_count(); ++i) bytes += bytes_of(column.child(i));
  return bytes;
}

}  // namespace server
