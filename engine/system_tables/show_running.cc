// Answers SHOW QUERIES, SHOW TASKS and SHOW SERVER, which show the running queries and tasks and
// their status.
#include <fmt/format.h>

#include <algorithm>

#include "engine/system_tables/information_parts.h"

namespace engine {
namespace {

Value number(uint64_t value) { return Value::bigint(static_cast<int64_t>(value)); }
Value number_or_null(const std::optional<int64_t>& value) {
  return value ? Value::bigint(*value) : Value();
}

InformationRow query_row(const PersistentQuery& query, bool extended,
                         const QueryStatuses& statuses) {
  const auto found = statuses.find(query.id);
  const bool is_known = found != statuses.end();
  const QueryStatus status = is_known ? found->second : QueryStatus{};
  InformationRow row{Value::text(query.id),
                     Value::text(state_of(query, statuses)),
                     Value::text(join_list(query.sources)),
                     text_or_null(query.sink),
                     number_or_null(status.lag_records),
                     Value::bigint(status.records_per_second),
                     number(status.records_failed),
                     text_or_null(status.last_error),
                     number(status.records_late),
                     number(status.windows_expired),
                     is_known ? number(status.state_bytes) : Value(),
                     is_known ? number(status.memory_bytes) : Value()};
  if (!extended) return row;
  std::vector<std::string> settings;
  for (const auto& [name, value] : query.properties) settings.push_back(name + "=" + value);
  row.push_back(number(status.records_in));
  row.push_back(number(status.records_ahead));
  row.push_back(number(status.state_entries));
  row.push_back(text_or_null(status.time_moved_by));
  row.push_back(text_or_null(join_list(settings)));
  row.push_back(text_or_null(query.sql));
  return row;
}

bool may_see_source(const std::string& name, const InformationContext& context) {
  const DataSource* source = context.catalog.find_source(name);
  return source && may_see_source(*source, context);
}

// Returns whether the query is listed. Queries that maintain declared tables belong to the server,
// and are hidden unless they have a problem.
bool is_shown(const PersistentQuery& query, bool extended, const QueryStatuses& statuses) {
  if (query.kind != QueryKind::SourceTable || extended) return true;
  const auto status = statuses.find(query.id);
  return status != statuses.end() &&
         (status->second.records_failed > 0 || !status->second.last_error.empty());
}

}  // namespace

bool may_see_topic(const std::string& topic, const InformationContext& context) {
  return !context.may_see || context.may_see(topic);
}

bool may_see_query(const PersistentQuery& query, const InformationContext& context) {
  if (!context.may_see) return true;
  if (!query.sink.empty()) return may_see_source(query.sink, context);
  return std::ranges::all_of(
      query.sources, [&](const std::string& source) { return may_see_source(source, context); });
}

Schema queries_schema(bool extended) {
  Schema schema{{text_column("query"), text_column("state"), text_column("reads"),
                 text_column("writes"), number_column("lag"), number_column("rows/s"),
                 number_column("errors"), text_column("last error"), number_column("late"),
                 number_column("expired"), number_column("state bytes"),
                 number_column("memory bytes")}};
  if (!extended) return schema;
  schema.columns.push_back(number_column("rows"));
  schema.columns.push_back(number_column("ahead"));
  schema.columns.push_back(number_column("state entries"));
  schema.columns.push_back(text_column("time moved by"));
  schema.columns.push_back(text_column("properties"));
  schema.columns.push_back(text_column("statement"));
  return schema;
}

std::vector<InformationRow> query_rows(bool extended, const InformationContext& context) {
  std::vector<InformationRow> rows;
  for (const RunningQuery& running : context.queries.all())
    if (is_shown(*running.query, extended, context.statuses) &&
        may_see_query(*running.query, context))
      rows.push_back(query_row(*running.query, extended, context.statuses));
  return rows;
}

Schema tasks_schema() {
  return {{text_column("query"),
           text_column("task"),
           number_column("stage"),
           number_column("shard"),
           text_column("state"),
           number_column("epoch"),
           text_column("positions"),
           number_column("lag"),
           number_column("rows/s"),
           number_column("rows"),
           number_column("late"),
           number_column("ahead"),
           number_column("errors"),
           number_column("state entries"),
           number_column("state bytes"),
           number_column("memory bytes"),
           number_column("checkpoint age ms"),
           number_column("journal bytes"),
           number_column("held back ms"),
           text_column("last error")}};
}

std::vector<InformationRow> task_rows(const InformationContext& context) {
  std::vector<InformationRow> rows;
  if (!context.tasks) return rows;
  for (const TaskStatus& task : *context.tasks) {
    if (context.may_see) {
      const auto running = context.queries.find(task.query_id);
      if (!running || !may_see_query(*running->query, context)) continue;
    }
    const QueryStatus& status = task.status;
    rows.push_back({Value::text(task.query_id),
                    Value::text(task.task),
                    Value::bigint(task.stage),
                    Value::bigint(task.shard),
                    Value::text(status.state),
                    Value::bigint(task.epoch),
                    text_or_null(task.positions),
                    number_or_null(status.lag_records),
                    Value::bigint(status.records_per_second),
                    number(status.records_in),
                    number(status.records_late),
                    number(status.records_ahead),
                    number(status.records_failed),
                    number(status.state_entries),
                    number(status.state_bytes),
                    number(status.memory_bytes),
                    number_or_null(task.checkpoint_age_ms),
                    number_or_null(task.journal_bytes),
                    Value::bigint(task.held_back_ms),
                    text_or_null(status.last_error)});
  }
  return rows;
}

Schema server_schema() {
  return {{text_column("section"), text_column("name"), text_column("value")}};
}

std::vector<InformationRow> server_rows(const InformationContext& context) {
  std::vector<InformationRow> rows;
  if (!context.server) return rows;
  for (const ServerFact& fact : *context.server)
    rows.push_back({Value::text(fact.section), Value::text(fact.name), text_or_null(fact.value)});
  return rows;
}

Schema cluster_schema() {
  return {{number_column("node"), text_column("state"), text_column("role"), number_column("leads"),
           number_column("replicas"), number_column("in sync"), text_column("kafka"),
           text_column("nodes"), text_column("rack")}};
}

std::vector<InformationRow> cluster_rows(const InformationContext& context) {
  std::vector<InformationRow> rows;
  if (!context.cluster) return rows;
  for (const NodeStatus& node : context.cluster()) {
    std::string role = node.is_controller ? "controller" : "";
    if (node.is_here) role += role.empty() ? "this one" : ", this one";
    rows.push_back({Value::bigint(node.id), Value::text(node.is_there ? "there" : "away"),
                    text_or_null(role), Value::bigint(node.leads), Value::bigint(node.replicas),
                    Value::bigint(node.in_sync), text_or_null(node.clients),
                    text_or_null(node.nodes), text_or_null(node.rack)});
  }
  return rows;
}

}  // namespace engine
