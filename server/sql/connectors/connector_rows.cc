#include "server/sql/connectors/connector_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/system_tables/information_parts.h"

namespace server {

namespace {

using engine::InformationRow;
using engine::number_column;
using engine::text_column;
using engine::text_or_null;
using engine::Value;

Value count_or_null(const std::optional<int64_t>& count) {
  return count ? Value::bigint(*count) : Value();
}

std::string first_line_of(const std::string& text) { return text.substr(0, text.find('\n')); }

engine::Schema connectors_schema() {
  return {{text_column("connector"), text_column("type"), text_column("class"),
           text_column("state"), text_column("tasks"), text_column("runs at"),
           text_column("topics"), number_column("lag"), number_column("records/s"),
           number_column("errors"), text_column("last error")}};
}

engine::Schema connector_tasks_schema() {
  return {{text_column("connector"), number_column("task"), text_column("node"),
           text_column("state"), text_column("position"), number_column("lag records"),
           number_column("lag ms"), number_column("lag bytes"), text_column("snapshot"),
           number_column("records"), number_column("bytes/s"), number_column("commits"),
           number_column("commit ms"), number_column("retries"), number_column("dead letters"),
           number_column("memory bytes"), number_column("restarts"), text_column("last error")}};
}

engine::Schema plugins_schema() {
  return {
      {text_column("class"), text_column("type"), text_column("version"), text_column("runs at")}};
}

engine::Schema description_schema() { return {{text_column("property"), text_column("value")}}; }

engine::Schema checked_schema() {
  return {{text_column("property"), text_column("value"), text_column("error")}};
}

// Returns the number of running tasks and of all tasks: "2/3".
std::string running_tasks(const ConnectorInfo& connector) {
  const auto running =
      std::ranges::count(connector.tasks, ConnectorState::Running, &ConnectorTask::state);
  return fmt::format("{}/{}", running, connector.tasks.size());
}

}  // namespace

engine::Schema connector_schema(const engine::Statement& statement) {
  if (std::holds_alternative<engine::DescribeConnector>(statement)) return description_schema();
  if (std::holds_alternative<engine::Explain>(statement)) return checked_schema();
  const auto* show = std::get_if<engine::Show>(&statement);
  if (!show) return {};
  if (show->kind == engine::ShowKind::ConnectorTasks) return connector_tasks_schema();
  return show->kind == engine::ShowKind::ConnectorPlugins ? plugins_schema() : connectors_schema();
}

bool is_of_kind(const ConnectorInfo& connector, engine::ConnectorKind kind) {
  if (kind == engine::ConnectorKind::Any) return true;
  return (kind == engine::ConnectorKind::Source) ==
             (connector.type == engine::ConnectorType::Source) &&
         connector.type != engine::ConnectorType::Unknown;
}

std::string last_error_of(const ConnectorInfo& connector) {
  if (!connector.trace.empty()) return first_line_of(connector.trace);
  for (const ConnectorTask& task : connector.tasks)
    if (!task.trace.empty()) return first_line_of(task.trace);
  return {};
}

engine::ConnectorStatus status_of(const ConnectorInfo& connector) {
  engine::ConnectorStatus status;
  status.name = connector.name;
  status.type = engine::connector_type_name(connector.type);
  status.class_name = connector.class_name;
  status.state = connector_state_name(connector.state);
  status.runs_at = connector.runs_at;
  status.worker = connector.worker_id;
  status.tasks = static_cast<int64_t>(connector.tasks.size());
  status.running_tasks =
      std::ranges::count(connector.tasks, ConnectorState::Running, &ConnectorTask::state);
  status.topics = connector.topics;
  status.lag_records = connector.lag_records;
  status.errors = connector.errors;
  status.last_error = last_error_of(connector);
  return status;
}

sql::Notice sql_notice(const ConnectorNotice& notice) {
  return {notice.is_warning ? sql::NoticeLevel::Warning : sql::NoticeLevel::Notice,
          notice.message,
          {},
          notice.hint};
}

engine::InformationRows rows_of(const std::vector<ConnectorInfo>& connectors, bool shows_errors) {
  std::vector<InformationRow> rows;
  for (const ConnectorInfo& each : connectors)
    rows.push_back(
        {Value::text(each.name), Value::text(std::string(engine::connector_type_name(each.type))),
         text_or_null(each.class_name), Value::text(std::string(connector_state_name(each.state))),
         Value::text(running_tasks(each)), text_or_null(each.runs_at),
         text_or_null(engine::join_list(each.topics)), count_or_null(each.lag_records),
         count_or_null(each.records_per_second), count_or_null(each.errors),
         shows_errors ? text_or_null(last_error_of(each)) : Value()});
  return engine::make_rows(connectors_schema(), rows);
}

engine::InformationRows rows_of(const std::vector<TaskProgress>& tasks, bool shows_errors) {
  std::vector<InformationRow> rows;
  for (const TaskProgress& each : tasks)
    rows.push_back({Value::text(each.connector), Value::bigint(each.task.id),
                    text_or_null(each.task.worker_id),
                    Value::text(std::string(connector_state_name(each.task.state))),
                    text_or_null(each.position), count_or_null(each.lag_records),
                    count_or_null(each.lag_ms), count_or_null(each.lag_bytes),
                    text_or_null(each.snapshot), count_or_null(each.records),
                    count_or_null(each.bytes_per_second), count_or_null(each.commits),
                    count_or_null(each.commit_ms), count_or_null(each.retries),
                    count_or_null(each.dead_letters), count_or_null(each.memory_bytes),
                    count_or_null(each.restarts),
                    shows_errors ? text_or_null(first_line_of(each.task.trace)) : Value()});
  return engine::make_rows(connector_tasks_schema(), rows);
}

engine::InformationRows rows_of(const std::vector<ConnectorPlugin>& plugins) {
  std::vector<InformationRow> rows;
  for (const ConnectorPlugin& each : plugins)
    rows.push_back({Value::text(each.class_name), Value::text(each.type),
                    text_or_null(each.version), text_or_null(each.runs_at)});
  return engine::make_rows(plugins_schema(), rows);
}

engine::InformationRows description_of(const ConnectorInfo& connector, bool shows_errors) {
  std::vector<InformationRow> rows;
  const auto add = [&](std::string name, std::string value) {
    if (!value.empty())
      rows.push_back({Value::text(std::move(name)), Value::text(std::move(value))});
  };
  add("connector", connector.name);
  add("type", std::string(engine::connector_type_name(connector.type)));
  add("class", connector.class_name);
  add("state", std::string(connector_state_name(connector.state)));
  add("runs at", connector.runs_at);
  add("worker", connector.worker_id);
  add("owner", connector.owner);
  add("delivery", connector.guarantee);
  if (shows_errors) add("error", connector.trace);
  for (const ConnectorTask& task : connector.tasks) {
    add(fmt::format("task {}", task.id),
        fmt::format("{}{}{}", connector_state_name(task.state),
                    task.worker_id.empty() ? "" : " at ", task.worker_id));
    if (shows_errors) add(fmt::format("error of task {}", task.id), task.trace);
  }
  add("topics", engine::join_list(connector.topics));
  add("sources", engine::join_list(connector.sources));
  if (shows_errors)
    for (const auto& [name, value] : connector.config) add("config " + name, value);
  return engine::make_rows(description_schema(), rows);
}

engine::InformationRows rows_of(const CheckedConfig& checked) {
  std::vector<InformationRow> rows;
  for (const CheckedProperty& each : checked.properties) {
    std::string errors;
    for (const std::string& error : each.errors) errors += (errors.empty() ? "" : "\n") + error;
    rows.push_back({Value::text(each.definition.name),
                    each.value ? Value::text(*each.value) : Value(),
                    text_or_null(std::move(errors))});
  }
  return engine::make_rows(checked_schema(), rows);
}

}  // namespace server
