#include "server/sql/connectors/connector_entities.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/json/json_writer.h"

namespace server {

namespace {

using engine::JsonWriter;

void begin_entity(JsonWriter& json, std::string_view type, const ConnectorStatement& statement) {
  json.begin_object();
  json.member("@type", type);
  json.member("statementText", fmt::format("{};", statement.text));
}

std::string end_entity(JsonWriter& json, const ConnectorStatement& statement) {
  json.key("warnings");
  json.begin_array();
  for (const ConnectorNotice& notice : statement.notices) {
    if (!notice.is_warning) continue;
    json.begin_object();
    json.member("message", notice.message);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take();
}

void write_state(JsonWriter& json, ConnectorState state, std::string_view worker,
                 std::string_view trace) {
  json.member("state", connector_state_name(state));
  json.member("worker_id", worker);
  if (!trace.empty()) json.member("trace", trace);
}

// Returns the state as ksqlDB lists it: "RUNNING (1/1 tasks RUNNING)", or "WARNING ..." if no task runs.
std::string summary_of(const ConnectorInfo& info) {
  if (info.state != ConnectorState::Running) return std::string(connector_state_name(info.state));
  const auto running =
      std::ranges::count(info.tasks, ConnectorState::Running, &ConnectorTask::state);
  return fmt::format("{} ({}/{} tasks RUNNING)",
                     !info.tasks.empty() && running == 0 ? "WARNING" : "RUNNING", running,
                     info.tasks.size());
}

}  // namespace

std::string connector_info_entity(const ConnectorStatement& statement, const ConnectorInfo& info) {
  JsonWriter json;
  begin_entity(json, "connector_info", statement);
  json.key("info");
  json.begin_object();
  json.member("name", info.name);
  json.key("config");
  json.begin_object();
  for (const auto& [name, value] : info.config) json.member(name, value);
  json.end_object();
  json.key("tasks");
  json.begin_array();
  for (const ConnectorTask& task : info.tasks) {
    json.begin_object();
    json.member("connector", info.name);
    json.member("task", task.id);
    json.end_object();
  }
  json.end_array();
  json.member("type", engine::connector_type_name(info.type));
  json.end_object();
  return end_entity(json, statement);
}

std::string connector_list_entity(const ConnectorStatement& statement,
                                  const std::vector<ConnectorInfo>& connectors) {
  JsonWriter json;
  begin_entity(json, "connector_list", statement);
  json.key("connectors");
  json.begin_array();
  for (const ConnectorInfo& each : connectors) {
    json.begin_object();
    json.member("name", each.name);
    json.member("type", engine::connector_type_name(each.type));
    json.member("className", each.class_name);
    json.member("state", summary_of(each));
    json.end_object();
  }
  json.end_array();
  return end_entity(json, statement);
}

std::string connector_description_entity(const ConnectorStatement& statement,
                                         const ConnectorInfo& info,
                                         const std::vector<std::string>& sources) {
  JsonWriter json;
  begin_entity(json, "connector_description", statement);
  json.member("connectorClass", info.class_name);
  json.key("status");
  json.begin_object();
  json.member("name", info.name);
  json.key("connector");
  json.begin_object();
  write_state(json, info.state, info.worker_id, info.trace);
  json.end_object();
  json.key("tasks");
  json.begin_array();
  for (const ConnectorTask& task : info.tasks) {
    json.begin_object();
    json.member("id", task.id);
    write_state(json, task.state, task.worker_id, task.trace);
    json.end_object();
  }
  json.end_array();
  json.member("type", engine::connector_type_name(info.type));
  json.end_object();
  json.key("sources");
  json.begin_array();
  for (const std::string& source : sources) json.raw(source);
  json.end_array();
  json.key("topics");
  json.begin_array();
  for (const std::string& topic : info.topics) json.text(topic);
  json.end_array();
  return end_entity(json, statement);
}

std::string drop_connector_entity(const ConnectorStatement& statement, std::string_view name) {
  JsonWriter json;
  begin_entity(json, "drop_connector", statement);
  json.member("connectorName", name);
  return end_entity(json, statement);
}

std::string connector_plugins_entity(const ConnectorStatement& statement,
                                     const std::vector<ConnectorPlugin>& plugins) {
  JsonWriter json;
  begin_entity(json, "connector_plugins_list", statement);
  json.key("connectorsPlugins");
  json.begin_array();
  for (const ConnectorPlugin& each : plugins) {
    json.begin_object();
    json.member("className", each.class_name);
    json.member("type", each.type);
    if (!each.version.empty()) json.member("version", each.version);
    json.end_object();
  }
  json.end_array();
  return end_entity(json, statement);
}

std::string warning_entity(const ConnectorStatement& statement, std::string_view message) {
  JsonWriter json;
  begin_entity(json, "warning_entity", statement);
  json.member("message", message);
  return end_entity(json, statement);
}

}  // namespace server
