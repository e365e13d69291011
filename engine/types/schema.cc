#include "engine/types/schema.h"

#include <algorithm>

namespace engine {

int Schema::index_of(std::string_view name) const {
  for (size_t i = 0; i < columns.size(); ++i)
    if (columns[i].name == name) return static_cast<int>(i);
  return -1;
}

bool Schema::has_row_id() const { return std::ranges::any_of(columns, is_row_id); }

size_t Schema::key_count() const {
  return static_cast<size_t>(std::ranges::count(columns, ColumnRole::Key, &ColumnDef::role));
}

std::vector<ColumnDef> Schema::keys() const {
  std::vector<ColumnDef> found;
  for (const ColumnDef& column : columns)
    if (column.role == ColumnRole::Key) found.push_back(column);
  return found;
}

std::vector<ColumnDef> Schema::values() const {
  std::vector<ColumnDef> found;
  for (const ColumnDef& column : columns)
    if (column.role != ColumnRole::Key) found.push_back(column);
  return found;
}

std::string Schema::to_string() const {
  std::string text;
  for (const ColumnDef& column : columns) {
    if (!text.empty()) text += ", ";
    text += "`" + column.name + "` " + column.type.to_string();
    if (column.role == ColumnRole::Key) text += " KEY";
    if (column.role == ColumnRole::Headers)
      text += column.header_key.empty() ? " HEADERS" : " HEADER('" + column.header_key + "')";
  }
  return text;
}

bool is_system_column(std::string_view name) {
  return name == kRowTime || name == kRowPartition || name == kRowOffset || name == kWindowStart ||
         name == kWindowEnd;
}

}  // namespace engine
