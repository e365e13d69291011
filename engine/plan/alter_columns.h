// Plans ALTER TABLE statements that change the columns of a table and so its rows (AlterColumns). Computes the changed
// table and the expressions for its rows.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast.h"

namespace engine {

struct AlteredTable {
  std::shared_ptr<const DataSource> table;
  std::vector<std::string> values;  // by column of the new schema: SQL over the old table
  std::vector<std::string> notices;
};
// Plans the change. Fails with UndefinedColumn, DuplicateColumn and UndefinedObject. Fails with NotSupported if a key
// is dropped or gets another type, because two rows could then become one. A NULL in a NOT NULL column is detected
// when the rows are copied.
Result<AlteredTable> plan_alter_columns(const AlterColumns& alter, const DataSource& source,
                                        const CustomTypes& types);
// Returns whether the statement has no effect, because it only has IF EXISTS and IF NOT EXISTS on columns that already
// are as requested. No row needs to be copied in this case.
bool changes_nothing(const AlterColumns& alter, const DataSource& source);

}  // namespace engine
