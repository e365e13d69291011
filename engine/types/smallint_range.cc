#include "engine/types/smallint_range.h"

#include <algorithm>

#include "engine/types/postgres_types.h"

namespace engine {

namespace {

// Returns the first wrong value among the elements `begin` to `end` of a column.
std::optional<BeyondSmallint> find(const SqlType& type, const Column& column, size_t begin,
                                   size_t end) {
  switch (type.kind()) {
    case TypeKind::Integer: {
      if (type.label() != label::kInt2) return std::nullopt;
      // The values of null rows are zero.
      const auto values = column.data<int32_t>();
      for (size_t row = begin; row < end; ++row)
        if (values[row] != static_cast<int16_t>(values[row])) return {{row, values[row]}};
      return std::nullopt;
    }
    case TypeKind::Array:
    case TypeKind::Map: {
      const bool is_map = type.kind() == TypeKind::Map;
      const SqlType& element = is_map ? type.value() : type.element();
      if (!holds_smallint(element)) return std::nullopt;
      for (size_t row = begin; row < end; ++row)
        if (const auto wrong = find(element, column.child(is_map ? 1 : 0), column.offsets()[row],
                                    column.offsets()[row + 1]))
          return {{row, wrong->value}};
      return std::nullopt;
    }
    case TypeKind::Struct: {
      std::optional<BeyondSmallint> first;
      for (size_t i = 0; i < type.fields().size(); ++i)
        if (const auto wrong = find(type.fields()[i].type, column.child(i), begin, end);
            wrong && (!first || wrong->row < first->row))
          first = wrong;
      return first;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

bool holds_smallint(const SqlType& type) {
  switch (type.kind()) {
    case TypeKind::Integer:
      return type.label() == label::kInt2;
    case TypeKind::Array:
      return holds_smallint(type.element());
    case TypeKind::Map:
      return holds_smallint(type.value());
    case TypeKind::Struct:
      return std::ranges::any_of(type.fields(),
                                 [](const Field& field) { return holds_smallint(field.type); });
    default:
      return false;
  }
}

std::optional<BeyondSmallint> find_beyond_smallint(const SqlType& type, const Column& column,
                                                   size_t first_row) {
  return find(type, column, first_row, column.size());
}

}  // namespace engine
