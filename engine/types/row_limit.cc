#include "engine/types/row_limit.h"

#include <fmt/format.h>

namespace engine {

size_t field_count(const SqlType& type, size_t limit) {
  size_t count = 1;
  const auto add = [&](const SqlType& part) {
    if (count <= limit) count += field_count(part, limit - count);
  };
  switch (type.kind()) {
    case TypeKind::Array:
      add(type.element());
      break;
    case TypeKind::Map:
      add(type.key());
      add(type.value());
      break;
    case TypeKind::Struct:
      for (const Field& field : type.fields()) add(field.type);
      break;
    default:
      break;
  }
  return count;
}

Error too_many_fields() {
  return {ErrorCode::LimitExceeded,
          fmt::format("a row can have at most {} columns and fields of STRUCTs", kMaxRowFields),
          {},
          "Combine related columns in a MAP or an ARRAY, or use separate streams."};
}

}  // namespace engine
