#include "server/http/connect/connect_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/formats/json/json_tree.h"
#include "engine/json/json_writer.h"

namespace server::http {

namespace {

using engine::JsonKind;
using engine::JsonTree;
using engine::JsonWriter;

void write_config(JsonWriter& json, const ConnectorConfig& config) {
  json.begin_object();
  for (const auto& [name, value] : config) json.member(name, value);
  json.end_object();
}

void write_state(JsonWriter& json, ConnectorState state, std::string_view worker,
                 std::string_view trace) {
  json.member("state", connector_state_name(state));
  json.member("worker_id", worker);
  if (!trace.empty()) json.member("trace", trace);
}

void write_task(JsonWriter& json, const ConnectorTask& task) {
  json.begin_object();
  json.member("id", task.id);
  write_state(json, task.state, task.worker_id, task.trace);
  json.end_object();
}

void write_task_id(JsonWriter& json, std::string_view connector, int32_t task) {
  json.begin_object();
  json.member("connector", connector);
  json.member("task", task);
  json.end_object();
}

void write_connector(JsonWriter& json, const ConnectorInfo& info) {
  json.begin_object();
  json.member("name", info.name);
  json.key("config");
  write_config(json, info.config);
  json.key("tasks");
  json.begin_array();
  for (const ConnectorTask& task : info.tasks) write_task_id(json, info.name, task.id);
  json.end_array();
  json.member("type", engine::connector_type_name(info.type));
  json.end_object();
}

void write_status(JsonWriter& json, const ConnectorInfo& info) {
  json.begin_object();
  json.member("name", info.name);
  json.key("connector");
  json.begin_object();
  write_state(json, info.state, info.worker_id, info.trace);
  json.end_object();
  json.key("tasks");
  json.begin_array();
  for (const ConnectorTask& task : info.tasks) write_task(json, task);
  json.end_array();
  json.member("type", engine::connector_type_name(info.type));
  json.end_object();
}

void write_texts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name);
  json.begin_array();
  for (const std::string& text : texts) json.text(text);
  json.end_array();
}

void write_optional(JsonWriter& json, std::string_view name,
                    const std::optional<std::string>& text) {
  json.key(name);
  text ? json.text(*text) : json.null();
}

void write_property(JsonWriter& json, const PropertyDefinition& property) {
  json.begin_object();
  json.member("name", property.name);
  json.member("type", property.type);
  json.member("required", property.is_required);
  write_optional(json, "default_value", property.default_value);
  json.member("importance", property.importance);
  json.member("documentation", property.documentation);
  write_optional(json, "group",
                 property.group.empty() ? std::nullopt : std::optional(property.group));
  json.member("width", property.width);
  json.member("display_name", property.display_name);
  write_texts(json, "dependents", property.dependents);
  json.member("order", property.order);
  json.end_object();
}

template <class Write>
std::string written(Write write) {
  JsonWriter json;
  write(json);
  return json.take();
}

Error wrong_body(std::string message) { return {ErrorCode::InvalidParameter, std::move(message)}; }

// Reads an object of texts; null is allowed as a value, and removes the property.
Result<Connectors::ConfigChanges> changes_in(const JsonTree& node) {
  if (node.kind != JsonKind::Object)
    return wrong_body("the configuration is not a JSON object with texts");
  Connectors::ConfigChanges changes;
  for (const auto& [name, value] : node.members) {
    if (value.kind == JsonKind::Object || value.kind == JsonKind::Array)
      return wrong_body(fmt::format("property \"{}\" is not a text", name));
    if (value.is_null())
      changes[name] = std::nullopt;
    else
      changes[name] = value.kind == JsonKind::String ? value.text : engine::json_tree_text(value);
  }
  return changes;
}

ConnectorConfig without_nulls(const Connectors::ConfigChanges& changes) {
  ConnectorConfig config;
  for (const auto& [name, value] : changes)
    if (value) config[name] = *value;
  return config;
}

Result<JsonTree> parsed(std::string_view body) {
  auto tree = engine::parse_json_tree(body);
  if (!tree) return wrong_body("the body is not JSON: " + tree.error().message);
  return tree;
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::UndefinedObject:
      return 404;
    case ErrorCode::DuplicateObject:
    case ErrorCode::ObjectState:
      return 409;
    case ErrorCode::InsufficientPrivilege:
      return 403;
    case ErrorCode::InvalidParameter:
    case ErrorCode::InvalidStatement:
    case ErrorCode::LimitExceeded:
    case ErrorCode::NotSupported:
      return 400;
    default:
      return 500;
  }
}

}  // namespace

std::string connector_json(const ConnectorInfo& info) {
  return written([&](JsonWriter& json) { write_connector(json, info); });
}

std::string status_json(const ConnectorInfo& info) {
  return written([&](JsonWriter& json) { write_status(json, info); });
}

std::string task_status_json(const ConnectorTask& task) {
  return written([&](JsonWriter& json) { write_task(json, task); });
}

std::string connectors_json(const std::vector<ConnectorInfo>& connectors, bool expands_status,
                            bool expands_info) {
  return written([&](JsonWriter& json) {
    if (!expands_status && !expands_info) {
      json.begin_array();
      for (const ConnectorInfo& each : connectors) json.text(each.name);
      json.end_array();
      return;
    }
    json.begin_object();
    for (const ConnectorInfo& each : connectors) {
      json.key(each.name);
      json.begin_object();
      if (expands_status) {
        json.key("status");
        write_status(json, each);
      }
      if (expands_info) {
        json.key("info");
        write_connector(json, each);
      }
      json.end_object();
    }
    json.end_object();
  });
}

std::string config_body(const ConnectorConfig& config) {
  return written([&](JsonWriter& json) { write_config(json, config); });
}

std::string topics_json(const ConnectorInfo& info) {
  return written([&](JsonWriter& json) {
    json.begin_object();
    json.key(info.name);
    json.begin_object();
    write_texts(json, "topics", info.topics);
    json.end_object();
    json.end_object();
  });
}

std::string tasks_json(const std::vector<TaskProgress>& tasks) {
  return written([&](JsonWriter& json) {
    json.begin_array();
    for (const TaskProgress& each : tasks) {
      json.begin_object();
      json.key("id");
      write_task_id(json, each.connector, each.task.id);
      json.key("config");
      write_config(json, each.config);
      json.end_object();
    }
    json.end_array();
  });
}

std::string offsets_body(const std::vector<ConnectorOffset>& offsets) {
  return written([&](JsonWriter& json) {
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
  });
}

std::string plugins_json(const std::vector<ConnectorPlugin>& plugins) {
  return written([&](JsonWriter& json) {
    json.begin_array();
    for (const ConnectorPlugin& each : plugins) {
      json.begin_object();
      json.member("class", each.class_name);
      json.member("type", each.type);
      write_optional(json, "version",
                     each.version.empty() ? std::nullopt : std::optional(each.version));
      json.end_object();
    }
    json.end_array();
  });
}

std::string properties_json(const std::vector<PropertyDefinition>& properties) {
  return written([&](JsonWriter& json) {
    json.begin_array();
    for (const PropertyDefinition& each : properties) write_property(json, each);
    json.end_array();
  });
}

std::string checked_config_json(const CheckedConfig& checked) {
  return written([&](JsonWriter& json) {
    json.begin_object();
    json.member("name", checked.class_name);
    json.member("error_count", checked.error_count());
    write_texts(json, "groups", checked.groups);
    json.key("configs");
    json.begin_array();
    for (const CheckedProperty& each : checked.properties) {
      json.begin_object();
      json.key("definition");
      write_property(json, each.definition);
      json.key("value");
      json.begin_object();
      json.member("name", each.definition.name);
      write_optional(json, "value", each.value);
      write_texts(json, "recommended_values", each.recommended_values);
      write_texts(json, "errors", each.errors);
      json.member("visible", each.is_visible);
      json.end_object();
      json.end_object();
    }
    json.end_array();
    json.end_object();
  });
}

std::string message_json(std::string_view message) {
  return written([&](JsonWriter& json) {
    json.begin_object();
    json.member("message", message);
    json.end_object();
  });
}

Response connect_failure(int status, std::string_view message) {
  return json_response(written([&](JsonWriter& json) {
                         json.begin_object();
                         json.member("error_code", status);
                         json.member("message", message);
                         json.end_object();
                       }),
                       status);
}

Response connect_failure(const Error& error) {
  std::string message = error.message;
  if (error.code == ErrorCode::InvalidParameter && !error.detail.empty()) {
    const auto lines = std::ranges::count(error.detail, '\n') + 1;
    message = fmt::format(
        "Connector configuration is invalid and contains the following {} error(s):\n{}", lines,
        error.detail);
  } else if (!error.detail.empty()) {
    message += "\n" + error.detail;
  }
  if (!error.hint.empty()) message += "\n" + error.hint;
  return connect_failure(status_of(error.code), message);
}

Result<Connectors::ConfigChanges> config_changes_in(std::string_view body) {
  return changes_in(TRY(parsed(body)));
}

Result<ConnectorConfig> config_in_body(std::string_view body) {
  return without_nulls(TRY(config_changes_in(body)));
}

Result<ConnectorDefinition> definition_in(std::string_view body) {
  const JsonTree tree = TRY(parsed(body));
  const JsonTree* config = tree.find("config");
  if (!config)
    return wrong_body(
        "the body has no object \"config\": send {\"name\": \"orders\", \"config\": "
        "{\"connector.class\": "
        "\"file\", ...}}, or only the properties with PUT /connectors/orders/config");
  ConnectorDefinition definition;
  definition.config = without_nulls(TRY(changes_in(*config)));
  definition.name = tree.text_of("name");
  if (const auto named = definition.config.find("name"); named != definition.config.end()) {
    if (definition.name.empty()) definition.name = named->second;
    if (definition.name != named->second)
      return wrong_body(
          "Connector name configuration in the request body does not match the name of the "
          "connector");
  }
  if (definition.name.empty()) return wrong_body("the body has no \"name\"");
  const std::string state = tree.text_of("initial_state");
  if (state == "PAUSED")
    definition.initial_state = TargetState::Paused;
  else if (state == "STOPPED")
    definition.initial_state = TargetState::Stopped;
  else if (!state.empty() && state != "RUNNING")
    return wrong_body(
        fmt::format("initial_state \"{}\" is none of RUNNING, PAUSED and STOPPED", state));
  return definition;
}

Result<std::vector<ConnectorOffset>> offsets_in_body(std::string_view body) {
  const JsonTree tree = TRY(parsed(body));
  const JsonTree* list = tree.find("offsets");
  if (!list || list->kind != JsonKind::Array || list->items.empty())
    return wrong_body("the body has no array \"offsets\" with at least one element");
  std::vector<ConnectorOffset> offsets;
  for (const JsonTree& item : list->items) {
    const JsonTree* partition = item.find("partition");
    const JsonTree* offset = item.find("offset");
    if (!partition || !offset)
      return wrong_body("an element of \"offsets\" lacks \"partition\" or \"offset\"");
    offsets.push_back({engine::json_tree_text(*partition), engine::json_tree_text(*offset)});
  }
  return offsets;
}

}  // namespace server::http
