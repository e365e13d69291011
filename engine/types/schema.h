// The columns of a stream, a table, or an intermediate step, in order: keys first, then values.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "engine/types/type.h"

namespace engine {

// Headers columns are values that come from a record's headers; they cannot be written.
enum class ColumnRole : uint8_t { Key, Value, Headers };

struct ColumnDef {
  std::string name;
  SqlType type;
  ColumnRole role = ColumnRole::Value;
  std::string header_key = {};  // of HEADER('key'); empty for HEADERS
  bool is_not_null = false;     // INSERT and COPY refuse NULL; other producers are not asked
  bool is_serial = false;       // where INSERT and COPY leave it out, the table's next number
  std::string default_sql = {};  // likewise, what this expression gives; empty: NULL
  bool operator==(const ColumnDef&) const = default;
};

struct Schema {
  std::vector<ColumnDef> columns;

  // Index of the column with exactly this name, or -1.
  int index_of(std::string_view name) const;
  size_t key_count() const;
  bool has_row_id() const;
  // The key columns alone, and all others, in order.
  std::vector<ColumnDef> keys() const;
  std::vector<ColumnDef> values() const;
  // "`ID` STRING KEY, `V` BIGINT".
  std::string to_string() const;
  bool operator==(const Schema&) const = default;
};

// Columns that every source has without declaring them.
inline constexpr std::string_view kRowTime = "ROWTIME", kRowPartition = "ROWPARTITION",
                                  kRowOffset = "ROWOFFSET", kWindowStart = "WINDOWSTART",
                                  kWindowEnd = "WINDOWEND";
bool is_system_column(std::string_view name);

// The key of a table that was declared without one: each row gets a value of its own when it is written, and `*` leaves
// the column out (docs/adr/0053).
inline constexpr std::string_view kRowId = "__ROWID";
inline bool is_row_id(const ColumnDef& column) {
  return column.role == ColumnRole::Key && column.name == kRowId;
}
// Whether INSERT and COPY fill it without being told a column list.
inline bool is_written(const ColumnDef& column) {
  return column.role != ColumnRole::Headers && !is_row_id(column);
}

}  // namespace engine
