// Finds the statements that a READ ONLY transaction, or a request that may only read, refuses.
#pragma once
#include <string>

#include "engine/sql/ast.h"

namespace server::sql {

// The command of a statement whose change others can see: "INSERT", "CREATE STREAM"; empty if it
// changes nothing. EXECUTE counts as the statement that it executes.
std::string changing_command(const engine::ParsedStatement& statement);
// The part of a statement that READ ONLY refuses: the command, or "SELECT FOR UPDATE", "nextval()"
// or "setval()" in a SELECT; empty if the statement may run.
std::string refused_in_read_only(const engine::ParsedStatement& statement);

}  // namespace server::sql
