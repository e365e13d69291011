// ALTER TABLE ... ADD PRIMARY KEY: the new definition of a table without a key.
#pragma once
#include <memory>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast_statement.h"

namespace engine {

// Returns the table with these columns as its key, over a topic of the same name that must be created. Fails with
// InvalidStatement if the table already has a key, with UndefinedColumn, and if the key's format does not support a
// column's type.
Result<std::shared_ptr<const DataSource>> plan_primary_key(const AddPrimaryKey& add,
                                                           const DataSource& source,
                                                           const EngineSettings& settings);

}  // namespace engine
