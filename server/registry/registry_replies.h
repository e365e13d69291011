// Converts answers of an external schema registry to the types of the built-in registry.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/formats/json/json_tree.h"
#include "engine/registry/registry.h"

namespace server {

// {"schema": "...", "schemaType": "...", "references": [...]}, with optional members "id",
// "subject", "version". Missing members are 0 or empty; only the schema is required.
Result<engine::SchemaVersion> read_registered(const engine::JsonTree& tree);
// {"id": 5}
Result<int32_t> read_registered_id(const engine::JsonTree& tree);
// [{"subject": "...", "version": 1}, ...]
Result<std::vector<std::pair<std::string, int32_t>>> read_uses(const engine::JsonTree& tree);
// A list of versions, returned as a registry with these.
Result<engine::SchemaRegistry> read_versions(const engine::JsonTree& tree);

// {"schema": "...", "schemaType": "..."}
std::string registration_json(const engine::RegisteredSchema& schema);

}  // namespace server
