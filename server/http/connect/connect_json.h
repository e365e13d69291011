// Converts between the structs of server/connect/connectors.h and the bodies of Kafka Connect's
// REST API.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/connect/connectors.h"
#include "server/http/message.h"

namespace server::http {

// Writes {"name", "config", "tasks": [{"connector", "task"}], "type"}.
std::string connector_json(const ConnectorInfo& info);
// Returns {"name", "connector": {"state", "worker_id"}, "tasks": [...], "type"}.
std::string status_json(const ConnectorInfo& info);
std::string task_status_json(const ConnectorTask& task);
// Returns the names as an array. If `expands_status` or `expands_info` is set, returns an object
// that has the requested parts of each connector under its name.
std::string connectors_json(const std::vector<ConnectorInfo>& connectors, bool expands_status,
                            bool expands_info);
std::string config_body(const ConnectorConfig& config);
std::string topics_json(const ConnectorInfo& info);
std::string tasks_json(const std::vector<TaskProgress>& tasks);
std::string offsets_body(const std::vector<ConnectorOffset>& offsets);
std::string plugins_json(const std::vector<ConnectorPlugin>& plugins);
std::string properties_json(const std::vector<PropertyDefinition>& properties);
std::string checked_config_json(const CheckedConfig& checked);
std::string message_json(std::string_view message);

// Returns {"error_code", "message"} with the status that Kafka Connect has for such an error. The message has the
// detail, one line for each wrong property, and the hint.
Response connect_failure(const Error& error);
Response connect_failure(int status, std::string_view message);

// Readers of requests. They fail with InvalidParameter. Numbers and booleans count as texts.
Result<Connectors::ConfigChanges> config_changes_in(std::string_view body);
Result<ConnectorConfig> config_in_body(std::string_view body);
Result<ConnectorDefinition> definition_in(std::string_view body);
Result<std::vector<ConnectorOffset>> offsets_in_body(std::string_view body);

}  // namespace server::http
