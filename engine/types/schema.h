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
  bool operator==(const ColumnDef&) const = default;
};

struct Schema {
  std::vector<ColumnDef> columns;

  // Index of the column with exactly this name, or -1.
  int index_of(std::string_view name) const;
  size_t key_count() const;
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

}  // namespace engine
