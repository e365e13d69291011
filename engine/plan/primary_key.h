// ALTER TABLE ... ADD PRIMARY KEY: what a table without a key becomes.
#pragma once
#include <memory>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast_statement.h"

namespace engine {

// The table with these columns as its key, over a topic of the same name that is still to be made. Fails with InvalidStatement
// when the table has a key already, with UndefinedColumn, and where the key's format does not take a column's type.
Result<std::shared_ptr<const DataSource>> plan_primary_key(const AddPrimaryKey& add,
                                                           const DataSource& source,
                                                           const EngineSettings& settings);

}  // namespace engine
