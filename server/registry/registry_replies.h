// What a schema registry elsewhere answers, as our own registry has it.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/formats/json/json_tree.h"
#include "engine/registry/registry.h"

namespace server {

// {"schema": "...", "schemaType": "...", "references": [...]}, with what else stands in it: "id", "subject", "version".
// 0 and empty where a member is missing; only the schema must be there.
Result<engine::SchemaVersion> read_registered(const engine::JsonTree& tree);
// {"id": 5}
Result<int32_t> read_registered_id(const engine::JsonTree& tree);
// [{"subject": "...", "version": 1}, ...]
Result<std::vector<std::pair<std::string, int32_t>>> read_uses(const engine::JsonTree& tree);
// A list of versions, as a registry that holds these.
Result<engine::SchemaRegistry> read_versions(const engine::JsonTree& tree);

// {"schema": "...", "schemaType": "..."}
std::string registration_json(const engine::RegisteredSchema& schema);

}  // namespace server
