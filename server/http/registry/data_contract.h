// The parts of a schema in addition to its text: metadata (tags, properties), and rules, which
// clients apply. The registry only stores and returns both.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "engine/formats/json/json_tree.h"
#include "engine/registry/registry.h"

namespace server::http {

// Returns the metadata in a canonical form, so that equal metadata compare equal: names in order,
// no null. The result is empty if `node` is null or missing; "{}" if `node` has no content. Fails
// with 422 if `node` is not valid metadata.
engine::RegistryResult<std::string> read_metadata(const engine::JsonTree* node);
// Returns a set of rules in a canonical form. Fails with 42210 if a rule is not valid, so that no
// client could apply it.
engine::RegistryResult<std::string> read_rule_set(const engine::JsonTree* node);

// Whether the metadata of a schema have all of these properties.
bool has_properties(std::string_view metadata,
                    const std::multimap<std::string, std::string>& properties);

}  // namespace server::http
