// UNIQUE, CHECK and FOREIGN KEY, which stand in the catalog for programs that read their models from there. No row is held
// against them.
#pragma once
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast_statement.h"

namespace engine {

// Adds constraints to a table, with the names that PostgreSQL would choose where none is written, and a notice for each.
// Fails with NotSupported where the session has not set unenforced_constraints, with UndefinedColumn, UndefinedSource (of a
// FOREIGN KEY) and DuplicateObject.
Status add_constraints(std::vector<UnenforcedConstraint> added, const Catalog& catalog,
                       const Properties& properties, TextPosition at, DataSource& table,
                       std::vector<std::string>& notices);

// Constraints of the statement and of its columns.
std::vector<UnenforcedConstraint> constraints_of(const CreateSource& create);
std::vector<UnenforcedConstraint> constraints_of(const std::vector<TableElement>& added);

}  // namespace engine
