#include "engine/exec/plain_keys.h"

#include <algorithm>
#include <charconv>

namespace engine {

std::optional<PlainKeys> PlainKeys::of(const FormatSpec& format,
                                       const std::vector<ColumnDef>& columns) {
  if (format.name != "JSON" || columns.size() < 2) return std::nullopt;
  PlainKeys keys;
  for (const ColumnDef& column : columns) {
    const bool is_integer =
        column.type.kind() == TypeKind::Integer || column.type.kind() == TypeKind::Bigint;
    const bool is_plain = std::ranges::all_of(column.name, [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (!is_integer || !is_plain) return std::nullopt;
    keys.before_.push_back((keys.before_.empty() ? "{\"" : ",\"") + column.name + "\":");
  }
  return keys;
}

bool PlainKeys::append(std::string_view key, std::span<Column* const> columns) const {
  const auto append_number = [&]<class T>(Column& column, T number) {
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), number);
    const std::string_view digits = key.substr(key.starts_with('-') ? 1 : 0);
    const auto length = static_cast<size_t>(end - key.data());
    // A number with leading zeros is refused, because JSON does not allow them.
    if (error != std::errc() ||
        (digits.starts_with('0') && length > key.size() - digits.size() + 1))
      return false;
    key.remove_prefix(length);
    column.append(number);
    return true;
  };
  for (size_t i = 0; i < before_.size(); ++i) {
    if (!key.starts_with(before_[i])) return false;
    key.remove_prefix(before_[i].size());
    Column& column = *columns[i];
    const bool is_read = column.type().kind() == TypeKind::Integer
                             ? append_number(column, int32_t{0})
                             : append_number(column, int64_t{0});
    if (!is_read) return false;
  }
  return key == "}";
}

bool PlainKeys::read(std::span<const std::string_view> keys,
                     std::span<Column* const> columns) const {
  if (columns.size() != before_.size() ||
      std::ranges::any_of(columns, [](const Column* column) { return column == nullptr; }))
    return false;
  std::vector<size_t> sizes;
  for (const Column* column : columns) sizes.push_back(column->size());
  for (const std::string_view key : keys) {
    if (append(key, columns)) continue;
    for (size_t i = 0; i < columns.size(); ++i) columns[i]->resize(sizes[i]);
    return false;
  }
  return true;
}

}  // namespace engine
