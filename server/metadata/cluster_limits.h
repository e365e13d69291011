// What cannot be defined in a cluster yet, and says so.
#pragma once
#include <vector>

#include "base/result.h"
#include "engine/sql/ast.h"
#include "server/metadata/definition_command.h"

namespace server {

// What the statement alone tells. Fails with NotSupported.
Status check_for_cluster(const engine::ParsedStatement& statement, bool is_in_transaction);
// What it comes to.
Status check_for_cluster(const std::vector<DefinitionChange>& changes);

}  // namespace server
