// Tables that a SELECT finds although nobody made them: what the server says of itself, and PostgreSQL's catalog. A port: who knows their rows
// implements it.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/query/rows_run.h"
#include "engine/sql/ast_name.h"
#include "engine/types/schema.h"

namespace engine {

struct SystemTable {
  std::string schema, name;  // upper case, as folded names are
  Schema columns;
};

// Columns that `*` does not show: those whose names begin so, which functions of the catalog read, and
// PostgreSQL's system columns.
inline constexpr std::string_view kHiddenColumns = "MR_";
inline constexpr std::string_view kRowVersion = "XMIN", kRowPlace = "CTID";
inline bool is_hidden_column(std::string_view name) {
  return name.starts_with(kHiddenColumns) || name == kRowVersion || name == kRowPlace ||
         name == "XMAX" || name == "CMIN" || name == "CMAX";
}

class SystemTables {
 public:
  virtual ~SystemTables() = default;
  // Null: there is none of that name. Without a schema those of pg_catalog are meant.
  virtual const SystemTable* find(const std::optional<Name>& schema, const Name& name) const = 0;
};

// The rows as of one moment.
class SystemRows {
 public:
  virtual ~SystemRows() = default;
  virtual Result<RowsChunks> rows(const SystemTable& table, RowsContext& context) const = 0;
};

}  // namespace engine
