// Refuses definitions with features that the server does not support.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/sql/ast.h"
#include "server/metadata/cluster_facts.h"
#include "server/metadata/definition_command.h"

namespace server {

// Returns the error for an unsupported feature. `what` is the subject and verb of the message, such
// as "generated rows are".
Error not_in_cluster_yet(std::string what, std::string hint = {});
inline constexpr const char* kDropAndCreate = "DROP it, and create it again.";

// Fails with NotSupported if a cluster does not support this value of the setting. The caller has
// checked that the value is valid.
Status check_setting_in_cluster(std::string_view name, std::string_view value,
                                const ClusterFacts& facts);
// Checks the statement alone, for a server whose nodes all support `level`. Fails with
// NotSupported.
Status check_supported(const engine::ParsedStatement& statement, bool is_in_transaction,
                       const ClusterFacts& facts, storage::FeatureLevel level);
// Checks the changes that result from the statement. Fails with NotSupported.
Status check_supported(const std::vector<DefinitionChange>& changes, const ClusterFacts& facts);

}  // namespace server
