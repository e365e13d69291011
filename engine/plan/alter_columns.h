// ALTER TABLE that makes other rows of a table's (AlterColumns): the table as it is then, and what its rows become.
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
  std::vector<std::string> notices;
};
// Fails with UndefinedColumn, DuplicateColumn, UndefinedObject; with NotSupported for a key that is dropped or gets another
// type: two rows could be one then. That rows have a NULL where none may be is for who copies them to find.
Result<AlteredTable> plan_alter_columns(const AlterColumns& alter, const DataSource& source,
                                        const CustomTypes& types);
// Whether nothing but IF EXISTS and IF NOT EXISTS is asked, of columns that are as they should be: no row has to be copied.
bool changes_nothing(const AlterColumns& alter, const DataSource& source);

}  // namespace engine
