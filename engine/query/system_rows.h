// System tables: tables that a SELECT can read although no statement has created them. They show
// the state of the server and PostgreSQL's catalog. This is an interface; the part of the server
// that has the rows implements it.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/query/rows_run.h"
#include "engine/sql/ast_name.h"
#include "engine/types/schema.h"

namespace engine {

struct SystemTable {
  std::string schema, name;  // in upper case, like folded names
  Schema columns;
};

// Names of columns that `*` does not show: kHiddenColumns is the prefix of columns that functions of the catalog
// read; the others are PostgreSQL's system columns.
inline constexpr std::string_view kHiddenColumns = "MR_";
inline constexpr std::string_view kRowVersion = "XMIN", kRowPlace = "CTID";
inline bool is_hidden_column(std::string_view name) {
  return name.starts_with(kHiddenColumns) || name == kRowVersion || name == kRowPlace ||
         name == "XMAX" || name == "CMIN" || name == "CMAX";
}

class SystemTables {
 public:
  virtual ~SystemTables() = default;
  // Returns the system table; null if no table has this name. Without a schema, pg_catalog is searched.
  virtual const SystemTable* find(const std::optional<Name>& schema, const Name& name) const = 0;
};

// A condition of a statement on a system table: the column must have this text.
struct SystemTextFilter {
  size_t column = 0;
  std::string text;
};

// The rows of system tables as of one moment.
class SystemRows {
 public:
  virtual ~SystemRows() = default;
  // Returns the rows of the table. Rows that do not meet all conditions in `wanted` may be left
  // out, to save work; the statement checks its conditions itself in any case.
  virtual Result<RowsChunks> rows(const SystemTable& table,
                                  std::span<const SystemTextFilter> wanted,
                                  RowsContext& context) const = 0;
};

}  // namespace engine
