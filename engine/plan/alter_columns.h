// Plans ALTER TABLE statements that change the columns of a table, so that its rows have to be
// rewritten (AlterColumns). Computes the new definition of the table and the expressions for its
// rows.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast.h"

namespace engine {

struct AlteredTable {
  std::shared_ptr<const DataSource> table;
  // for each column of the new schema: SQL over the columns of the old table
  std::vector<std::string> values;
  std::vector<std::string> notices;
};
// Plans the change. Fails with UndefinedColumn, DuplicateColumn and UndefinedObject. Fails with
// NotSupported if a key column is dropped or gets another type, because two rows could then get the
// same key. A NULL in a NOT NULL column is only detected when the rows are copied.
Result<AlteredTable> plan_alter_columns(const AlterColumns& alter, const DataSource& source,
                                        const CustomTypes& types);
// Returns whether the statement has no effect: it has only IF EXISTS and IF NOT EXISTS clauses, and
// the columns are already as requested. In this case no row has to be copied.
bool changes_nothing(const AlterColumns& alter, const DataSource& source);

}  // namespace engine
