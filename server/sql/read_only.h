// Finds the statements that a READ ONLY transaction, or a request that may only read, refuses.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/sql/ast.h"

namespace server::sql {

// Returns the command of a statement that makes a change which other sessions can see: "INSERT",
// "CREATE STREAM"; empty for any other statement. EXECUTE counts as the statement that it executes.
std::string changing_command(const engine::ParsedStatement& statement);
// Returns the part of a statement that READ ONLY refuses: the command, or "SELECT FOR UPDATE",
// "nextval()" or "setval()" in a SELECT; empty if the statement may run.
std::string refused_in_read_only(const engine::ParsedStatement& statement);
// Fails with ReadOnlyTransaction (25006) if READ ONLY refuses the statement.
Status check_read_only(const engine::ParsedStatement& statement);
// Returns the error for a refused command.
Error read_only_error(std::string_view command);

}  // namespace server::sql
