// Converts between the JSON of Kafka Connect's REST API and the types of
// server/connect/connectors.h.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/json/json_tree.h"
#include "server/connect/connectors.h"

namespace server {

// The functions below read answers. Versions of Kafka Connect differ in the members of their
// answers, so a member that is missing or has another type counts as empty.
ConnectorConfig config_in(const engine::JsonTree& node);
// Reads {"name", "config", "tasks", "type"} into `info`.
void read_definition(const engine::JsonTree& node, ConnectorInfo& info);
// Reads {"name", "connector": {"state", "worker_id", "trace"}, "tasks": [...], "type"} into `info`.
void read_status(const engine::JsonTree& node, ConnectorInfo& info);
// Reads {NAME: {"status": ..., "info": ...}, ...}, the answer of GET /connectors?expand=status&expand=info.
std::vector<ConnectorInfo> connectors_in(const engine::JsonTree& node);
// Reads {NAME: {"topics": [...]}}.
std::vector<std::string> topics_in(const engine::JsonTree& node);
std::vector<ConnectorOffset> offsets_in(const engine::JsonTree& node);
std::vector<ConnectorPlugin> plugins_in(const engine::JsonTree& node);
std::vector<PropertyDefinition> properties_in(const engine::JsonTree& node);
CheckedConfig checked_config_in(const engine::JsonTree& node);

// Returns the error for an answer whose status is not 2xx. `name` is the connector that was
// requested, `class_name` the class in its configuration. Both may be empty.
Error connect_error(int status, std::string_view message, std::string_view name,
                    std::string_view class_name);

// The following functions write bodies of requests.
std::string config_json(const ConnectorConfig& config);
std::string create_json(const ConnectorDefinition& definition);
std::string offsets_json(const std::vector<ConnectorOffset>& offsets);

}  // namespace server
