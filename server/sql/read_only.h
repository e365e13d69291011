// Which statements a READ ONLY transaction, or a request that may only read, refuses.
#pragma once
#include <string>

#include "engine/sql/ast.h"

namespace server::sql {

// The command of a statement that changes something that others can see: "INSERT", "CREATE STREAM"; empty when it changes nothing.
// EXECUTE counts as the statement that it executes.
std::string changing_command(const engine::ParsedStatement& statement);
// The part of a statement that READ ONLY refuses: that command, or "SELECT FOR UPDATE", "nextval()" and "setval()" in a SELECT;
// empty when it may run.
std::string refused_in_read_only(const engine::ParsedStatement& statement);

}  // namespace server::sql
