// Answers SHOW STREAMS, TABLES, TOPICS, SCHEMAS, QUERIES, FUNCTIONS, TYPES, PROPERTIES and VARIABLES. show_running.cc
// has the statements about running tasks.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/catalog/statement_settings.h"
#include "engine/catalog/system_sources.h"
#include "engine/functions/registry.h"
#include "engine/system_tables/information_parts.h"

namespace engine {
namespace {

// ---- Streams and tables

Schema sources_schema(const Show& show) {
  Schema schema{{text_column(show.kind == ShowKind::Streams ? "stream" : "table"),
                 text_column("topic"), text_column("key_format"), text_column("value_format"),
                 flag_column("windowed")}};
  if (!show.extended) return schema;
  for (const std::string_view name :
       {"window", "event_time", "columns", "written_by", "read_by", "statement"})
    schema.columns.push_back(text_column(name));
  schema.columns.push_back(number_column("partitions"));
  return schema;
}

std::string list_of_columns(const DataSource& source) {
  std::vector<std::string> columns;
  for (const ColumnDef& column : source.schema.columns)
    columns.push_back(column.name + " " + shown_type(column.type));
  return join_list(columns);
}

InformationRow source_row(const DataSource& source, bool extended, const Catalog& catalog) {
  InformationRow row{Value::text(source.name), Value::text(source.topic),
                     Value::text(source.key_format.name), Value::text(source.value_format.name),
                     Value::boolean(source.window.has_value())};
  if (!extended) return row;
  row.push_back(source.window ? Value::text(shown_window(*source.window)) : Value());
  row.push_back(source.timestamp ? Value::text(source.timestamp->column) : Value());
  row.push_back(Value::text(list_of_columns(source)));
  row.push_back(text_or_null(join_list(catalog.writers_of(source.name))));
  row.push_back(text_or_null(join_list(catalog.readers_of(source.name))));
  row.push_back(text_or_null(source.sql));
  row.push_back(Value::bigint(source.partitions));
  return row;
}

std::vector<InformationRow> source_rows(const Show& show, const InformationContext& context) {
  const SourceKind kind = show.kind == ShowKind::Streams ? SourceKind::Stream : SourceKind::Table;
  std::vector<InformationRow> rows;
  for (const auto& [name, source] : context.catalog.sources())
    // Only EXTENDED lists sources that the server created for itself.
    if (source->kind == kind && (show.extended || name != kProcessingLogStream) &&
        may_see_source(*source, context))
      rows.push_back(source_row(*source, show.extended, context.catalog));
  return rows;
}

// ---- Topics

Schema topics_schema(const Show& show) {
  Schema schema{{text_column("topic"), number_column("partitions"), number_column("replicas")}};
  if (!show.extended) return schema;
  for (const std::string_view name : {"used_by", "configuration"})
    schema.columns.push_back(text_column(name));
  return schema;
}

// Returns whether the topic is internal, as in ksql.hidden.topics.
bool is_hidden(std::string_view topic) {
  constexpr std::array<std::string_view, 7> kNames = {
      "_schemas",        "__consumer_offsets", "__transaction_state", "connect-configs",
      "connect-offsets", "connect-status",     "connect-statuses"};
  return topic == kProcessingLogTopic || topic.starts_with("_confluent") ||
         topic.starts_with("__confluent") || std::ranges::find(kNames, topic) != kNames.end();
}

InformationRow topic_row(const TopicDescription& topic, bool extended, const Catalog& catalog) {
  InformationRow row{Value::text(topic.name), Value::bigint(topic.partitions),
                     Value::bigint(topic.replicas)};
  if (!extended) return row;
  std::vector<std::string> users, settings;
  for (const auto& [name, source] : catalog.sources())
    if (source->topic == topic.name) users.push_back(name);
  for (const auto& [name, value] : topic.config) settings.push_back(name + "=" + value);
  row.push_back(text_or_null(join_list(users)));
  row.push_back(text_or_null(join_list(settings)));
  return row;
}

std::vector<InformationRow> topic_rows(const Show& show, const InformationContext& context) {
  std::vector<InformationRow> rows;
  for (const TopicDescription& topic : context.topics.all())
    if ((show.all || !is_hidden(topic.name)) && may_see_topic(topic.name, context))
      rows.push_back(topic_row(topic, show.extended, context.catalog));
  return rows;
}

// ---- Schemas

InformationRow schema_row(const SchemaVersion& version) {
  InformationRow row{Value::text(version.subject), Value::bigint(version.version),
                     Value::bigint(version.id), Value(), Value()};
  if (!version.schema) return row;
  row[3] = Value::text(std::string(schema_kind_name(version.schema->kind)));
  row[4] = Value::text(version.schema->text);
  return row;
}

std::vector<InformationRow> schema_rows(const InformationContext& context) {
  std::vector<InformationRow> rows;
  if (!context.schemas) return rows;
  for (const std::string& subject : context.schemas->subjects())
    if (const auto versions = context.schemas->versions(subject))
      for (const int32_t number : *versions)
        if (const auto version = context.schemas->version(subject, number))
          rows.push_back(schema_row(*version));
  return rows;
}

// ---- Functions, types, properties, variables

std::vector<InformationRow> function_rows() {
  constexpr std::array<std::string_view, 3> kKinds = {"SCALAR", "TABLE", "AGGREGATE"};
  std::vector<InformationRow> rows;
  for (const Registry::Entry& entry : Registry::instance().entries()) {
    const Overload& first = entry.overloads.front();
    const std::string_view doc = first.function ? first.function->doc : first.aggregate->doc;
    rows.push_back({Value::text(entry.name),
                    Value::text(std::string(kKinds[static_cast<size_t>(entry.kind)])),
                    Value::text(std::string(first.family->name)), text_or_null(std::string(doc))});
  }
  return rows;
}

std::vector<InformationRow> type_rows(const Catalog& catalog) {
  std::vector<InformationRow> rows;
  for (const auto& [name, type] : catalog.types)
    rows.push_back({Value::text(name), Value::text(type.to_string())});
  return rows;
}

Properties server_properties(const InformationContext& context) {
  Properties defaults = default_statement_settings(context.settings);
  defaults["compat"] = context.settings.ksqldb_compat ? "ksqldb" : "none";
  defaults["num.partitions"] = std::to_string(context.settings.num_partitions);
  for (const auto& [name, value] : context.server_properties) defaults[name] = value;
  return defaults;
}

std::vector<InformationRow> property_rows(const InformationContext& context) {
  const Properties defaults = server_properties(context);
  Properties effective = context.properties;
  effective.insert(defaults.begin(), defaults.end());
  std::vector<InformationRow> rows;
  for (const auto& [name, value] : effective) {
    const auto system = context.catalog.system_properties.find(name);
    const bool is_systems =
        system != context.catalog.system_properties.end() && system->second == value;
    const bool is_set = context.properties.contains(name);
    rows.push_back({Value::text(name), Value::text(value),
                    Value::text(is_systems ? "system"
                                : is_set   ? "session"
                                           : "server")});
  }
  return rows;
}

std::vector<InformationRow> variable_rows(const std::map<std::string, std::string>& variables) {
  std::vector<InformationRow> rows;
  for (const auto& [name, value] : variables)
    rows.push_back({Value::text(name), Value::text(value)});
  return rows;
}

}  // namespace

Schema show_schema(const Show& show) {
  switch (show.kind) {
    case ShowKind::Streams:
    case ShowKind::Tables:
      return sources_schema(show);
    case ShowKind::Topics:
      return topics_schema(show);
    case ShowKind::Schemas:
      return {{text_column("subject"), number_column("version"), number_column("id"),
               text_column("type"), text_column("schema")}};
    case ShowKind::Queries:
      return queries_schema(show.extended);
    case ShowKind::Tasks:
      return tasks_schema();
    case ShowKind::Server:
      return server_schema();
    case ShowKind::Cluster:
      return cluster_schema();
    case ShowKind::ConsumerGroups:
      return consumer_groups_schema();
    case ShowKind::ConsumerLag:
      return consumer_lag_schema();
    case ShowKind::Functions:
      return {{text_column("function"), text_column("kind"), text_column("family"),
               text_column("description")}};
    case ShowKind::Types:
      return {{text_column("type"), text_column("definition")}};
    case ShowKind::Properties:
      return {{text_column("property"), text_column("value"), text_column("set_by")}};
    case ShowKind::Variables:
      return {{text_column("variable"), text_column("value")}};
    case ShowKind::Connectors:
    case ShowKind::ConnectorPlugins:
    case ShowKind::ConnectorTasks:
    case ShowKind::Links:
    case ShowKind::LinkTopics:
      break;
  }
  return {};
}

Result<InformationRows> answer_show(const Show& show, const InformationContext& context) {
  switch (show.kind) {
    case ShowKind::Streams:
    case ShowKind::Tables:
      return make_rows(show_schema(show), source_rows(show, context));
    case ShowKind::Topics:
      return make_rows(show_schema(show), topic_rows(show, context));
    case ShowKind::Schemas:
      return make_rows(show_schema(show), schema_rows(context));
    case ShowKind::Queries:
      return make_rows(show_schema(show), query_rows(show.extended, context));
    case ShowKind::Tasks:
      return make_rows(show_schema(show), task_rows(context));
    case ShowKind::Server:
      return make_rows(show_schema(show), server_rows(context));
    case ShowKind::Cluster:
      return make_rows(show_schema(show), cluster_rows(context));
    case ShowKind::ConsumerGroups:
      return make_rows(show_schema(show), consumer_group_rows(context));
    case ShowKind::ConsumerLag:
      return make_rows(show_schema(show), consumer_lag_rows(show.group, context));
    case ShowKind::Functions:
      return make_rows(show_schema(show), function_rows());
    case ShowKind::Types:
      return make_rows(show_schema(show), type_rows(context.catalog));
    case ShowKind::Properties:
      return make_rows(show_schema(show), property_rows(context));
    case ShowKind::Variables:
      return make_rows(show_schema(show), variable_rows(context.variables));
    case ShowKind::Connectors:
    case ShowKind::ConnectorPlugins:
    case ShowKind::ConnectorTasks:
    case ShowKind::Links:
    case ShowKind::LinkTopics:
      break;
  }
  return Error{ErrorCode::NotSupported, "this statement returns no information"};
}

}  // namespace engine
