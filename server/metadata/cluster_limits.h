// Definitions that are not supported in a cluster yet.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/sql/ast.h"
#include "server/metadata/definition_command.h"
#include "storage/meta/feature_level.h"

namespace server {

// Returns the error for an unsupported feature; `what` includes a verb, as in "generated rows are".
Error not_in_cluster_yet(std::string what, std::string hint = {});
inline constexpr const char* kDropAndCreate = "DROP it, and create it again.";

// Checks the statement by itself. Fails with NotSupported.
Status check_for_cluster(const engine::ParsedStatement& statement, bool is_in_transaction,
                         storage::FeatureLevel level);
// Checks the changes that result from the statement. Fails with NotSupported.
Status check_for_cluster(const std::vector<DefinitionChange>& changes);

}  // namespace server
