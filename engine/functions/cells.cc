#include "engine/functions/cells.h"

#include <algorithm>

namespace engine {

namespace {

bool has_map(const SqlType& type) {
  switch (type.kind()) {
    case TypeKind::Map:
      return true;
    case TypeKind::Array:
      return has_map(type.element());
    case TypeKind::Struct:
      return std::ranges::any_of(type.fields(), has_map, &Field::type);
    default:
      return false;
  }
}

// Orders the keys of maps. Any order is suitable that is the same for equal maps.
bool key_less(const Value& a, const Value& b) {
  if (a.payload().index() != b.payload().index()) return a.payload().index() < b.payload().index();
  return std::visit(
      [&b](const auto& mine) {
        using T = std::decay_t<decltype(mine)>;
        if constexpr (std::is_same_v<T, Decimal>)
          return mine.unscaled < b.as_decimal().unscaled;
        else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>)
          return mine < std::get<T>(b.payload());
        else
          return false;
      },
      a.payload());
}

Value with_sorted_maps(const Value& value, const SqlType& type) {
  if (value.is_null() || !has_map(type)) return value;
  if (type.kind() == TypeKind::Map) {
    ValueMap entries;
    for (const auto& [key, item] : value.as_map())
      entries.emplace_back(key, with_sorted_maps(item, type.value()));
    std::ranges::sort(entries, key_less, &std::pair<Value, Value>::first);
    return Value::map(std::move(entries));
  }
  ValueList items;
  for (size_t i = 0; i < value.as_list().size(); ++i)
    items.push_back(with_sorted_maps(value.as_list()[i], type.kind() == TypeKind::Array
                                                             ? type.element()
                                                             : type.fields()[i].type));
  return Value::list(std::move(items));
}

}  // namespace

void append_canonical_cell(const Column& column, size_t row, std::string& out) {
  if (!has_map(column.type())) return append_cell(column, row, out);
  Column sorted(column.type());
  sorted.append_value(with_sorted_maps(column.value_at(row), column.type()));
  append_cell(sorted, 0, out);
}

std::string take_cell(const SqlType& type, ByteReader& in) {
  const std::string_view cell = in.bytes(in.varint());
  Column probe(type);
  Column* const parts[] = {&probe};
  if (!decode_row(cell, parts, RowStrings::View)) in.bytes(in.rest().size() + 1);
  return std::string(cell);
}

}  // namespace engine
