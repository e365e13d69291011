// UNIQUE, CHECK and FOREIGN KEY constraints that are not enforced: no row is checked against them.
// The catalog only stores them, for programs that read their data model from the catalog.
#pragma once
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast_statement.h"

namespace engine {

// Adds constraints to a table, and a notice for each of them. A constraint without a name gets the name that
// PostgreSQL would choose. Fails with NotSupported if the session has not set unenforced_constraints, with
// UndefinedColumn, with UndefinedSource (for a FOREIGN KEY), and with DuplicateObject.
Status add_constraints(std::vector<UnenforcedConstraint> added, const Catalog& catalog,
                       const Properties& properties, TextPosition at, DataSource& table,
                       std::vector<std::string>& notices);

// Return the constraints of the statement, or of the added elements, including those in the
// definitions of columns.
std::vector<UnenforcedConstraint> constraints_of(const CreateSource& create);
std::vector<UnenforcedConstraint> constraints_of(const std::vector<TableElement>& added);

}  // namespace engine
