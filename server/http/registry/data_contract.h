// What a schema says beside its text: metadata (tags, properties) and rules, which clients carry out. The registry
// keeps them and gives them back.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "engine/formats/json/json_tree.h"
#include "engine/registry/registry.h"

namespace server::http {

// In one spelling, so that the same is the same: names in order, nothing that is null. Empty where `node` is null
// or not there; "{}" where it says nothing. Fails with 422 on what is no metadata.
engine::RegistryResult<std::string> read_metadata(const engine::JsonTree* node);
// The same of rules. Fails with 42210 where one could not be carried out by anybody.
engine::RegistryResult<std::string> read_rule_set(const engine::JsonTree* node);

// Whether the metadata of a schema has all of these properties.
bool has_properties(std::string_view metadata,
                    const std::multimap<std::string, std::string>& properties);

}  // namespace server::http
