#include "server/connect/outside/connect_replies.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/json/json_writer.h"

namespace server {

namespace {

const engine::JsonTree& member_of(const engine::JsonTree& node, std::string_view name) {
  static const engine::JsonTree nothing;
  const engine::JsonTree* found = node.find(name);
  return found ? *found : nothing;
}

std::vector<std::string> texts_in(const engine::JsonTree& node) {
  std::vector<std::string> texts;
  for (const engine::JsonTree& item : node.items)
    if (item.kind == engine::JsonKind::String) texts.push_back(item.text);
  return texts;
}

int32_t number_in(const engine::JsonTree& node, int32_t otherwise) {
  int32_t number = 0;
  return absl::SimpleAtoi(node.text, &number) ? number : otherwise;
}

std::optional<std::string> text_if_any(const engine::JsonTree& node) {
  if (node.is_null()) return std::nullopt;
  return node.kind == engine::JsonKind::String ? node.text : engine::json_tree_text(node);
}

engine::ConnectorType type_in(const engine::JsonTree& node) {
  const std::string type = node.text_of("type");
  if (type == "source") return engine::ConnectorType::Source;
  return type == "sink" ? engine::ConnectorType::Sink : engine::ConnectorType::Unknown;
}

ConnectorState state_in(const engine::JsonTree& node) {
  return connector_state_named(node.text_of("state")).value_or(ConnectorState::Unassigned);
}

PropertyDefinition property_in(const engine::JsonTree& node) {
  PropertyDefinition property;
  property.name = node.text_of("name");
  property.type = node.text_of("type");
  property.is_required = member_of(node, "required").boolean;
  property.default_value = text_if_any(member_of(node, "default_value"));
  property.importance = node.text_of("importance");
  property.documentation = node.text_of("documentation");
  property.group = node.text_of("group");
  property.width = node.text_of("width");
  property.display_name = node.text_of("display_name");
  property.dependents = texts_in(member_of(node, "dependents"));
  property.order = number_in(member_of(node, "order"), -1);
  return property;
}

// Returns the lines about properties in Kafka Connect's message about a wrong configuration:
//   Connector configuration is invalid and contains the following 1 error(s):
//   Missing required configuration "topic" which has no default value.
//   You can also find the above list of errors at the endpoint `/connector-plugins/...`
std::string lines_about_properties(std::string_view message) {
  std::string lines;
  for (size_t begin = 0, end = 0; begin < message.size(); begin = end + 1) {
    end = std::min(message.find('\n', begin), message.size());
    const std::string_view line = message.substr(begin, end - begin);
    if (line.empty() || line.starts_with("Connector configuration is invalid") ||
        line.starts_with("You can also find the above list"))
      continue;
    lines += (lines.empty() ? "" : "\n") + std::string(line);
  }
  return lines;
}

}  // namespace

ConnectorConfig config_in(const engine::JsonTree& node) {
  ConnectorConfig config;
  for (const auto& [name, value] : node.members)
    if (const auto text = text_if_any(value)) config[name] = *text;
  return config;
}

void read_definition(const engine::JsonTree& node, ConnectorInfo& info) {
  info.name = node.text_of("name");
  info.type = type_in(node);
  info.config = config_in(member_of(node, "config"));
  if (const auto found = info.config.find("connector.class"); found != info.config.end())
    info.class_name = found->second;
}

void read_status(const engine::JsonTree& node, ConnectorInfo& info) {
  if (info.name.empty()) info.name = node.text_of("name");
  if (info.type == engine::ConnectorType::Unknown) info.type = type_in(node);
  const engine::JsonTree& connector = member_of(node, "connector");
  info.state = state_in(connector);
  info.worker_id = connector.text_of("worker_id");
  info.trace = connector.text_of("trace");
  info.tasks.clear();
  for (const engine::JsonTree& task : member_of(node, "tasks").items)
    info.tasks.push_back({number_in(member_of(task, "id"), 0), state_in(task),
                          task.text_of("worker_id"), task.text_of("trace")});
  std::ranges::sort(info.tasks, {}, &ConnectorTask::id);
}

std::vector<ConnectorInfo> connectors_in(const engine::JsonTree& node) {
  std::vector<ConnectorInfo> connectors;
  for (const auto& [name, value] : node.members) {
    ConnectorInfo info;
    read_definition(member_of(value, "info"), info);
    read_status(member_of(value, "status"), info);
    info.name = name;
    connectors.push_back(std::move(info));
  }
  std::ranges::sort(connectors, {}, &ConnectorInfo::name);
  return connectors;
}

std::vector<std::string> topics_in(const engine::JsonTree& node) {
  if (node.members.empty()) return {};
  std::vector<std::string> topics = texts_in(member_of(node.members.front().second, "topics"));
  std::ranges::sort(topics);
  return topics;
}

std::vector<ConnectorOffset> offsets_in(const engine::JsonTree& node) {
  std::vector<ConnectorOffset> offsets;
  for (const engine::JsonTree& each : member_of(node, "offsets").items)
    offsets.push_back({engine::json_tree_text(member_of(each, "partition")),
                       engine::json_tree_text(member_of(each, "offset"))});
  return offsets;
}

std::vector<ConnectorPlugin> plugins_in(const engine::JsonTree& node) {
  std::vector<ConnectorPlugin> plugins;
  for (const engine::JsonTree& each : node.items) {
    const std::string version = each.text_of("version");
    plugins.push_back(
        {each.text_of("class"), each.text_of("type"), version == "null" ? "" : version, {}});
  }
  return plugins;
}

std::vector<PropertyDefinition> properties_in(const engine::JsonTree& node) {
  std::vector<PropertyDefinition> properties;
  for (const engine::JsonTree& each : node.items) properties.push_back(property_in(each));
  return properties;
}

CheckedConfig checked_config_in(const engine::JsonTree& node) {
  CheckedConfig checked;
  checked.class_name = node.text_of("name");
  checked.groups = texts_in(member_of(node, "groups"));
  for (const engine::JsonTree& each : member_of(node, "configs").items) {
    CheckedProperty property;
    property.definition = property_in(member_of(each, "definition"));
    const engine::JsonTree& value = member_of(each, "value");
    property.value = text_if_any(member_of(value, "value"));
    property.recommended_values = texts_in(member_of(value, "recommended_values"));
    property.errors = texts_in(member_of(value, "errors"));
    property.is_visible = value.find("visible") == nullptr || value.find("visible")->boolean;
    if (property.definition.name.empty()) property.definition.name = value.text_of("name");
    checked.properties.push_back(std::move(property));
  }
  return checked;
}

Error connect_error(int status, std::string_view message, std::string_view name,
                    std::string_view class_name) {
  const auto has = [&](std::string_view part) { return message.find(part) != message.npos; };
  // A worker that does not have the class answers with 500 or 400, depending on its version.
  if (!class_name.empty() && has("Failed to find any class"))
    return engine::class_is_not_built_in(class_name, true);
  if (status == 404)
    return {ErrorCode::UndefinedObject, fmt::format("connector {} does not exist", name),
            std::string(message)};
  if (status == 409 && has("already exists"))
    return {ErrorCode::DuplicateObject, fmt::format("connector {} already exists", name)};
  if (status == 409)
    return {ErrorCode::ObjectState, "the Kafka Connect cluster distributes its tasks at the moment",
            std::string(message), "Send the statement again in a few seconds."};
  if (has("STOPPED state"))
    return {ErrorCode::ObjectState,
            fmt::format("connector {} is not stopped, so its offsets cannot be changed", name),
            {},
            fmt::format("STOP CONNECTOR {} stops it.", name)};
  if (status == 400 || status == 422)
    return {ErrorCode::InvalidParameter,
            fmt::format("the configuration of connector {} is wrong", name),
            lines_about_properties(message)};
  if (status == 405 || status == 501)
    return {ErrorCode::NotSupported, "the Kafka Connect cluster does not support this request",
            std::string(message), "Kafka Connect 4.3 supports it."};
  return {ErrorCode::NetworkFailure,
          fmt::format("the Kafka Connect cluster answers with status {}", status),
          std::string(message)};
}

namespace {

void write_config(engine::JsonWriter& json, const ConnectorConfig& config) {
  json.begin_object();
  for (const auto& [name, value] : config) json.member(name, value);
  json.end_object();
}

}  // namespace

std::string config_json(const ConnectorConfig& config) {
  engine::JsonWriter json;
  write_config(json, config);
  return json.take();
}

std::string create_json(const ConnectorDefinition& definition) {
  engine::JsonWriter json;
  json.begin_object();
  json.member("name", definition.name);
  json.key("config");
  write_config(json, definition.config);
  // Kafka Connect before version 3.7 does not know `initial_state`. So it is sent only if it differs from the
  // default, RUNNING.
  if (definition.initial_state != TargetState::Running)
    json.member("initial_state",
                definition.initial_state == TargetState::Paused ? "PAUSED" : "STOPPED");
  json.end_object();
  return json.take();
}

std::string offsets_json(const std::vector<ConnectorOffset>& offsets) {
  engine::JsonWriter json;
  json.begin_object();
  json.key("offsets");
  json.begin_array();
  for (const ConnectorOffset& each : offsets) {
    json.begin_object();
    json.key("partition");
    json.raw(each.partition);
    json.key("offset");
    json.raw(each.offset);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take();
}

}  // namespace server
