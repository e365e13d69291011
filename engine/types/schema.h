// The columns of a stream, a table, or an intermediate step, in order: keys first, then values.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "engine/types/type.h"

namespace engine {

// The place of a column's values in a record. Columns with the role Headers cannot be written.
enum class ColumnRole : uint8_t { Key, Value, Headers };

struct ColumnDef {
  std::string name;
  SqlType type;
  ColumnRole role = ColumnRole::Value;
  std::string header_key = {};  // the key in HEADER('key'); empty for HEADERS
  bool is_not_null = false;     // INSERT and COPY refuse NULL; Kafka producers are not checked
  // SERIAL: if INSERT or COPY omit the column, they write the table's next number
  bool is_serial = false;
  std::string default_sql = {};  // SQL expression for an omitted column; empty: NULL
  bool operator==(const ColumnDef&) const = default;
};

struct Schema {
  std::vector<ColumnDef> columns;

  // Returns the index of the column with exactly this name, or -1.
  int index_of(std::string_view name) const;
  size_t key_count() const;
  bool has_row_id() const;
  // Return the key columns alone, and all other columns, in order.
  std::vector<ColumnDef> keys() const;
  std::vector<ColumnDef> values() const;
  // Returns a text such as "`ID` STRING KEY, `V` BIGINT".
  std::string to_string() const;
  bool operator==(const Schema&) const = default;
};

// Columns that every source has without declaring them.
inline constexpr std::string_view kRowTime = "ROWTIME", kRowPartition = "ROWPARTITION",
                                  kRowOffset = "ROWOFFSET", kWindowStart = "WINDOWSTART",
                                  kWindowEnd = "WINDOWEND";
bool is_system_column(std::string_view name);

// The key column of a table that was declared without a key. Each row gets a unique value in this column when it is
// written, and `*` does not include the column (docs/adr/0053).
inline constexpr std::string_view kRowId = "__ROWID";
inline bool is_row_id(const ColumnDef& column) {
  return column.role == ColumnRole::Key && column.name == kRowId;
}
// Returns whether INSERT and COPY without a column list fill the column.
inline bool is_written(const ColumnDef& column) {
  return column.role != ColumnRole::Headers && !is_row_id(column);
}

}  // namespace engine
