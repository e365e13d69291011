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

// The part of a system table that a statement needs.
struct SystemRead {
  // To save work, rows() may leave out rows that do not meet all of these conditions, but it may
  // also return such rows: the statement always checks its conditions itself.
  std::span<const SystemTextFilter> wanted = {};
  // For each column, whether the statement uses it. Empty: the statement uses all columns. A column
  // that it does not use may contain only nulls.
  std::vector<bool> used = {};
};

// Computes the rows of system tables. All calls of rows() on one object use the same facts, so a
// join of system tables is consistent.
class SystemRows {
 public:
  virtual ~SystemRows() = default;
  virtual Result<RowsChunks> rows(const SystemTable& table, const SystemRead& read,
                                  RowsContext& context) const = 0;
};

}  // namespace engine
