// Finds the tables that a statement would remove while a portal reads them.
#pragma once
#include <string_view>
#include <vector>

#include "engine/sql/ast.h"

namespace server::pg {

struct TakenTables {
  std::string_view command;  // for example DROP TABLE; empty: the statement removes no table
  std::vector<engine::Name> tables = {};
};
// Returns the tables that a DROP, a TRUNCATE or an ALTER TABLE that rewrites rows names.
TakenTables tables_taken_by(const engine::Statement& statement);
// Whether the query of a portal's statement, or a sub-query, names the table.
bool reads_table(const engine::Statement& statement, const engine::Name& table);

}  // namespace server::pg
