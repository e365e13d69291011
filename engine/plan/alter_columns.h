// ALTER TABLE ... DROP COLUMN, RENAME COLUMN, ALTER COLUMN ... TYPE: the table as it is then, and what its rows become.
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
      values;  // of its columns, in the schema's order: SQL over the table as it was
};
// Fails with UndefinedColumn, DuplicateColumn, UndefinedObject; with NotSupported for a key that is dropped or gets another
// type: two rows could be one then.
Result<AlteredTable> plan_alter_columns(const AlterColumns& alter, const DataSource& source,
                                        const CustomTypes& types);

}  // namespace engine
