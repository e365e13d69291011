#include "engine/system_tables/information.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "engine/system_tables/information_parts.h"

namespace engine {
namespace {

// A duration is shown in the largest unit of which it is a multiple: 3,600,000 as 1 HOURS.
constexpr std::pair<int64_t, std::string_view> kUnits[] = {
    {86'400'000, "DAYS"}, {3'600'000, "HOURS"}, {60'000, "MINUTES"}, {1'000, "SECONDS"}};

constexpr std::array<std::string_view, 3> kWindowTypes = {"TUMBLING", "HOPPING", "SESSION"};

ColumnDef value_column(std::string_view name, TypeKind kind) {
  return {.name = std::string(name), .type = kind};
}

}  // namespace

bool is_connector_statement(const Statement& statement) {
  if (const auto* show = std::get_if<Show>(&statement))
    return show->kind == ShowKind::Connectors || show->kind == ShowKind::ConnectorPlugins ||
           show->kind == ShowKind::ConnectorTasks;
  if (const auto* explain = std::get_if<Explain>(&statement))
    return explain->statement &&
           std::holds_alternative<CreateConnector>(explain->statement->statement);
  return std::holds_alternative<CreateConnector>(statement) ||
         std::holds_alternative<AlterConnector>(statement) ||
         std::holds_alternative<DropConnector>(statement) ||
         std::holds_alternative<ControlConnector>(statement) ||
         std::holds_alternative<DescribeConnector>(statement);
}

bool is_link_statement(const Statement& statement) {
  if (const auto* show = std::get_if<Show>(&statement))
    return show->kind == ShowKind::Links || show->kind == ShowKind::LinkTopics;
  if (const auto* print = std::get_if<Print>(&statement)) return print->link.has_value();
  return std::holds_alternative<CreateLink>(statement) ||
         std::holds_alternative<DropLink>(statement) ||
         std::holds_alternative<DescribeLink>(statement);
}

bool is_information_statement(const Statement& statement) {
  if (is_connector_statement(statement) || is_link_statement(statement)) return false;
  return std::holds_alternative<Show>(statement) ||
         std::holds_alternative<DescribeSource>(statement) ||
         std::holds_alternative<DescribeSources>(statement) ||
         std::holds_alternative<DescribeFunction>(statement) ||
         std::holds_alternative<Explain>(statement);
}

bool needs_statuses(const Statement& statement) {
  if (const auto* show = std::get_if<Show>(&statement))
    return show->kind == ShowKind::Queries || show->kind == ShowKind::Tasks;
  if (const auto* describe = std::get_if<DescribeSource>(&statement)) return describe->extended;
  if (const auto* describe = std::get_if<DescribeSources>(&statement)) return describe->extended;
  if (const auto* explain = std::get_if<Explain>(&statement)) return explain->query_id.has_value();
  return false;
}

bool needs_server_facts(const Statement& statement) {
  const auto* show = std::get_if<Show>(&statement);
  return show && show->kind == ShowKind::Server;
}

bool needs_consumer_groups(const Statement& statement) {
  const auto* show = std::get_if<Show>(&statement);
  return show && (show->kind == ShowKind::ConsumerGroups || show->kind == ShowKind::ConsumerLag);
}

bool needs_schemas(const Statement& statement) {
  const auto* show = std::get_if<Show>(&statement);
  return show && show->kind == ShowKind::Schemas;
}

Schema information_schema(const Statement& statement) {
  if (const auto* show = std::get_if<Show>(&statement)) return show_schema(*show);
  if (const auto* describe = std::get_if<DescribeSource>(&statement))
    return describe_schema(*describe);
  if (const auto* describe = std::get_if<DescribeSources>(&statement))
    return describe_schema(*describe);
  if (const auto* describe = std::get_if<DescribeFunction>(&statement))
    return describe_schema(*describe);
  if (std::holds_alternative<Explain>(statement)) return explain_schema();
  return {};
}

Result<InformationRows> answer_information(const Statement& statement,
                                           const InformationContext& context) {
  if (const auto* show = std::get_if<Show>(&statement)) return answer_show(*show, context);
  if (const auto* describe = std::get_if<DescribeSource>(&statement))
    return answer_describe(*describe, context);
  if (const auto* describe = std::get_if<DescribeSources>(&statement))
    return answer_describe(*describe, context);
  if (const auto* describe = std::get_if<DescribeFunction>(&statement))
    return answer_describe(*describe);
  if (const auto* explain = std::get_if<Explain>(&statement))
    return answer_explain(*explain, context);
  return Error{ErrorCode::NotSupported, "this statement returns no information"};
}

ColumnDef text_column(std::string_view name) { return value_column(name, TypeKind::String); }
ColumnDef number_column(std::string_view name) { return value_column(name, TypeKind::Bigint); }
ColumnDef flag_column(std::string_view name) { return value_column(name, TypeKind::Boolean); }

Value text_or_null(std::string text) {
  return text.empty() ? Value() : Value::text(std::move(text));
}

InformationRows make_rows(Schema schema, const std::vector<InformationRow>& rows) {
  InformationRows answer;
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    auto column = std::make_shared<Column>(schema.columns[i].type);
    for (const InformationRow& row : rows) {
      assert(row.size() == schema.columns.size());
      column->append_value(row[i]);
    }
    answer.columns.push_back(std::move(column));
  }
  answer.schema = std::move(schema);
  answer.rows = rows.size();
  return answer;
}

std::string shown_type(const SqlType& type) {
  return type.kind() == TypeKind::String ? "VARCHAR" : type.to_string();
}

std::string shown_duration(int64_t duration_ms) {
  for (const auto& [unit_ms, word] : kUnits)
    if (duration_ms >= unit_ms && duration_ms % unit_ms == 0)
      return fmt::format("{} {}", duration_ms / unit_ms, word);
  return fmt::format("{} MILLISECONDS", duration_ms);
}

std::string shown_window(const SourceWindow& window) {
  const std::string_view word = kWindowTypes[static_cast<size_t>(window.type)];
  if (!window.size_ms) return std::string(word);
  return fmt::format("{} {}", word, shown_duration(*window.size_ms));
}

std::string shown_format(const FormatSpec& format) {
  if (format.schema_id != 0) return fmt::format("{} in schema {}", format.name, format.schema_id);
  if (format.name != "DELIMITED" || format.delimiter == ',') return format.name;
  return fmt::format("{} with '{}'", format.name, format.delimiter);
}

std::string join_list(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string state_of(const PersistentQuery& query, const QueryStatuses& statuses) {
  if (const auto found = statuses.find(query.id); found != statuses.end()) {
    const QueryStatus& status = found->second;
    if (status.state == "WAITING") return "WAITING for a node";
    if (status.state != "RUNNING") return status.state;
    const std::string_view state = query.rebuilds.empty() ? "RUNNING" : "REBUILDING";
    return status.node ? fmt::format("{} on node {}", state, *status.node) : std::string(state);
  }
  return query.state == DesiredState::Paused ? "PAUSED" : "STARTING";
}

}  // namespace engine
