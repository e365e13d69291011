// Rows of the tables of millrace_catalog that no SHOW prints (audit, connectors, findings, lineage and samples), and the
// columns of partitions.
#include <algorithm>
#include <set>

#include "engine/system_tables/catalog_rows.h"
#include "engine/system_tables/history.h"
#include "engine/system_tables/information_parts.h"
#include "engine/system_tables/topic_records.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

constexpr std::string_view kMillraceCatalog = "millrace_catalog", kPartitionsTable = "partitions";
constexpr std::string_view kSampleKey[] = {"NAME", "LABEL", "NODE", "TIME"};
constexpr std::string_view kAuditKey[] = {"NUMBER", "NODE"};
constexpr std::string_view kFindingKey[] = {"RULE", "OBJECT", "NODE"};
constexpr std::string_view kPartitionKey[] = {"TOPIC", "PARTITION"};
constexpr std::string_view kLineageKey[] = {"FROM_KIND", "FROM_NAME", "TO_KIND", "TO_NAME"};

// Returns Q for a label such as `query="Q"` if the label's key is `key`; nothing if it has another
// key.
std::optional<std::string> named_in(std::string_view label, std::string_view key) {
  if (!label.starts_with(key)) return std::nullopt;
  label.remove_prefix(key.size());
  if (!label.starts_with("=\"")) return std::nullopt;
  label.remove_prefix(2);
  return std::string(label.substr(0, label.find('"')));
}

bool may_see_query_named(const std::string& id, const InformationContext& context) {
  const auto running = context.queries.find(id);
  return running && may_see_query(*running->query, context);
}

// Returns whether the reader may see the series: a series of a query or topic needs a right on it, a series of the
// whole server needs no right.
bool may_see_series(std::string_view label, const InformationContext& context) {
  if (!context.may_see || context.may_see("")) return true;
  if (const auto query = named_in(label, "query")) return may_see_query_named(*query, context);
  if (const auto topic = named_in(label, "topic")) return may_see_topic(*topic, context);
  return label.find("group=") == label.npos;
}

RowsChunk sample_rows(const Schema& schema, const InformationContext& context,
                      std::span<const SystemTextFilter> wanted) {
  std::vector<std::shared_ptr<Column>> columns;
  for (const ColumnDef& column : schema.columns)
    columns.push_back(std::make_shared<Column>(column.type));
  const auto wanted_text = [&](std::string_view column) -> std::optional<std::string> {
    const auto place = static_cast<size_t>(schema.index_of(column));
    const auto found = std::ranges::find(wanted, place, &SystemTextFilter::column);
    return found == wanted.end() ? std::nullopt : std::optional(found->text);
  };
  if (context.history) {
    const int64_t node = context.history->node();
    context.history->read(
        wanted_text("NAME"), wanted_text("LABEL"),
        [&](std::string_view name, std::string_view label, std::span<const SamplePoint> points) {
          if (!may_see_series(label, context)) return;
          const std::string_view kept_name = columns[1]->heap().add(name);
          const std::string_view kept_label = columns[2]->heap().add(label);
          for (const SamplePoint& point : points) {
            columns[0]->append(point.time_ms);
            columns[1]->append(kept_name);
            columns[2]->append(kept_label);
            columns[3]->append(node);
            columns[4]->append(point.value);
          }
        });
  }
  return {columns.front()->size(), {columns.begin(), columns.end()}};
}

RowsChunk finding_rows(const Schema& schema, const InformationContext& context,
                       std::span<const SystemTextFilter>) {
  SystemRowWriter out(schema);
  if (!context.history) return out.take();
  for (const Finding& each : context.history->findings()) {
    if (each.kind == "query" && !may_see_query_named(each.object, context)) continue;
    if (!each.topic.empty() && !may_see_topic(each.topic, context)) continue;
    out.row()
        .set("SEVERITY", each.severity)
        .set("RULE", each.rule)
        .set("KIND", each.kind)
        .set("OBJECT", each.object)
        .set_number("SINCE", each.since_ms)
        .set("MESSAGE", each.message)
        .set("HINT", text_or_null(each.hint))
        .set_number("NODE", context.history->node());
  }
  return out.take();
}

std::string_view kind_of(const DataSource& source) {
  return source.kind == SourceKind::Stream ? "stream" : "table";
}

// Adds the edges of a query in the lineage: one from each stream and table that it reads, to the
// stream or table that it writes.
void add_links_of(const PersistentQuery& query, const InformationContext& context,
                  SystemRowWriter& out) {
  const auto end = [&](const std::string& name) -> const DataSource* {
    const DataSource* source = context.catalog.find_source(name);
    return source && may_see_topic(source->topic, context) ? source : nullptr;
  };
  for (const std::string& name : query.sources)
    if (const DataSource* source = end(name))
      out.row()
          .set("FROM_KIND", kind_of(*source))
          .set("FROM_NAME", source->name)
          .set("TO_KIND", "query")
          .set("TO_NAME", query.id)
          .set("QUERY", query.id);
  if (const DataSource* sink = end(query.sink))
    out.row()
        .set("FROM_KIND", "query")
        .set("FROM_NAME", query.id)
        .set("TO_KIND", kind_of(*sink))
        .set("TO_NAME", sink->name)
        .set("QUERY", query.id);
}

RowsChunk lineage_rows(const Schema& schema, const InformationContext& context,
                       std::span<const SystemTextFilter>) {
  SystemRowWriter out(schema);
  for (const auto& [name, source] : context.catalog.sources()) {
    if (!may_see_topic(source->topic, context)) continue;
    // If a query writes the stream or table, the edge leads from the stream or table to its topic.
    // Otherwise the stream or table reads records that others have written, so the edge leads from
    // the topic to the stream or table.
    const bool is_written = !context.catalog.writers_of(name).empty();
    out.row()
        .set("FROM_KIND", is_written ? kind_of(*source) : "topic")
        .set("FROM_NAME", is_written ? name : source->topic)
        .set("TO_KIND", is_written ? "topic" : kind_of(*source))
        .set("TO_NAME", is_written ? source->topic : name);
  }
  for (const RunningQuery& running : context.queries.all())
    if (running.query->kind != QueryKind::SourceTable && may_see_query(*running.query, context))
      add_links_of(*running.query, context, out);
  if (!context.groups) return out.take();
  for (const ConsumerGroup& group : *context.groups) {
    std::set<std::string> topics;
    for (const ConsumerGroup::Partition& each : group.partitions)
      if (may_see_topic(each.topic, context)) topics.insert(each.topic);
    for (const std::string& topic : topics)
      out.row()
          .set("FROM_KIND", "topic")
          .set("FROM_NAME", topic)
          .set("TO_KIND", "group")
          .set("TO_NAME", group.id);
  }
  return out.take();
}

RowsChunk connector_rows(const Schema& schema, const InformationContext& context,
                         std::span<const SystemTextFilter>) {
  SystemRowWriter out(schema);
  if (!context.connectors) return out.take();
  for (const ConnectorStatus& each : *context.connectors) {
    SystemRowWriter& row = out.row()
                               .set("CONNECTOR", each.name)
                               .set("TYPE", each.type)
                               .set("CLASS", each.class_name)
                               .set("STATE", each.state)
                               .set_number("TASKS", each.tasks)
                               .set_number("RUNNING_TASKS", each.running_tasks)
                               .set("RUNS_AT", each.runs_at)
                               .set("TOPICS", join_list(each.topics));
    if (!each.worker.empty()) row.set("WORKER", each.worker);
    if (each.lag_records) row.set_number("LAG", *each.lag_records);
    if (each.errors) row.set_number("ERRORS", *each.errors);
    if (!each.last_error.empty()) row.set("LAST_ERROR", each.last_error);
  }
  return out.take();
}

// Returns the only user whose lines the reader may see; nothing if it may see all lines.
std::optional<std::string> seen_user(const InformationContext& context) {
  const AccessFacts access = context.access ? context.access() : AccessFacts();
  if (!access.asker) return std::nullopt;
  const auto role = std::ranges::find(access.roles, *access.asker, &RoleFact::name);
  if (role != access.roles.end() && role->is_superuser) return std::nullopt;
  return access.asker;
}

RowsChunk audit_rows(const Schema& schema, const InformationContext& context,
                     std::span<const SystemTextFilter>) {
  SystemRowWriter out(schema);
  if (!context.audit) return out.take();
  const std::optional<std::string> user = seen_user(context);
  for (const AuditLine& each : context.audit->lines()) {
    if (user && each.user != *user) continue;
    out.row()
        .set_number("NUMBER", each.number)
        .set_number("TIME", each.time_ms)
        .set("EVENT", each.event)
        .set("USER_NAME", text_or_null(each.user))
        .set("ADDRESS", text_or_null(each.address))
        .set("SESSION", text_or_null(each.session))
        .set("OUTCOME", each.outcome)
        .set("TEXT", text_or_null(each.text))
        .set_number("NODE", context.audit->node());
  }
  return out.take();
}

}  // namespace

const std::span<const HistoryTable> kHistoryTables = [] {
  static constexpr HistoryTable kTables[] = {
      {{kMillraceCatalog, "audit",
        "number:l time:z event:t user_name:t address:t session:t outcome:t text:t node:l"},
       kAuditKey,
       audit_rows},
      {{kMillraceCatalog, "connectors",
        "connector:t type:t class:t state:t tasks:l running_tasks:l worker:t runs_at:t topics:t "
        "lag:l errors:l last_error:t"},
       {},  // not followed: a survey would wait for an outside Kafka Connect cluster
       connector_rows,
       false,
       true},
      {{kMillraceCatalog, "findings",
        "severity:t rule:t kind:t object:t since:z message:t hint:t node:l"},
       kFindingKey,
       finding_rows},
      {{kMillraceCatalog, "lineage", "from_kind:t from_name:t to_kind:t to_name:t query:t"},
       kLineageKey,
       lineage_rows,
       true},
      {{kMillraceCatalog, kPartitionsTable,
        "topic:t partition:i first_offset:l end_offset:l bytes:l leader:i"},
       kPartitionKey,
       nullptr},  // the log of the server has the rows
      {{kMillraceCatalog, "samples", "time:z name:t label:t node:l value:d"},
       kSampleKey,
       sample_rows},
  };
  return std::span<const HistoryTable>(kTables);
}();

const HistoryTable* find_history_table(const SystemTable& table) {
  if (table.schema != upper_case(kMillraceCatalog)) return nullptr;
  const std::string name = lower_case(table.name);
  const auto row = std::ranges::find_if(
      kHistoryTables, [&](const HistoryTable& each) { return each.table.name == name; });
  return row == kHistoryTables.end() ? nullptr : &*row;
}

bool is_partitions_table(const SystemTable& table) {
  const HistoryTable* row = find_history_table(table);
  return row && row->table.name == kPartitionsTable;
}

}  // namespace engine
