// Plans ALTER TABLE ... ADD PRIMARY KEY: computes the new definition of a table that had no key.
#pragma once
#include <memory>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast_statement.h"

namespace engine {

// Returns the table with these columns as its key, over a topic with the same name, which must be created. Fails with
// InvalidStatement if the table already has a key, with UndefinedColumn if a column does not exist, and if the key's
// format does not support the type of a column.
Result<std::shared_ptr<const DataSource>> plan_primary_key(const AddPrimaryKey& add,
                                                           const DataSource& source,
                                                           const EngineSettings& settings);

}  // namespace engine
