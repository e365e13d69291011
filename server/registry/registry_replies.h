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

// Reads {"schema": "...", "schemaType": "...", "references": [...]}, with the optional members
// "id", "subject" and "version". Only "schema" is required. Missing members are 0 or empty.
Result<engine::SchemaVersion> read_registered(const engine::JsonTree& tree);
// Reads {"id": 5}.
Result<int32_t> read_registered_id(const engine::JsonTree& tree);
// Reads [{"subject": "...", "version": 1}, ...].
Result<std::vector<std::pair<std::string, int32_t>>> read_uses(const engine::JsonTree& tree);
// Reads a list of versions, and returns a registry that contains them.
Result<engine::SchemaRegistry> read_versions(const engine::JsonTree& tree);

// Returns {"schema": "...", "schemaType": "..."}.
std::string registration_json(const engine::RegisteredSchema& schema);

}  // namespace server
