// ALTER TABLE that changes the rows of a table (AlterColumns): the changed table, and the expressions for its rows.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast.h"

namespace engine {

struct AlteredTable {
  std::shared_ptr<const DataSource> table;
  std::vector<std::string>
      values;  // for its columns, in the schema's order: SQL over the old table
  std::vector<std::string> notices;
};
// Fails with UndefinedColumn, DuplicateColumn, UndefinedObject; with NotSupported if a key is dropped or gets another
// type, because two rows could then become one. A NULL in a NOT NULL column is detected when the rows are copied.
Result<AlteredTable> plan_alter_columns(const AlterColumns& alter, const DataSource& source,
                                        const CustomTypes& types);
// Returns whether the statement has no effect: IF EXISTS and IF NOT EXISTS only, on columns that already are as
// requested. No row has to be copied then.
bool changes_nothing(const AlterColumns& alter, const DataSource& source);

}  // namespace engine
