// Which tables a statement would take from under a portal that reads them.
#pragma once
#include <string_view>
#include <vector>

#include "engine/sql/ast.h"

namespace server::pg {

struct TakenTables {
  std::string_view command;  // DROP TABLE; empty: none is taken
  std::vector<engine::Name> tables = {};
};
// What DROP, TRUNCATE and ALTER TABLE with a copy of the rows name.
TakenTables tables_taken_by(const engine::Statement& statement);
// Whether the query of a portal's statement names the table, or one within it does.
bool reads_table(const engine::Statement& statement, const engine::Name& table);

}  // namespace server::pg
