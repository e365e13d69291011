#include "engine/system_tables/system_catalog.h"

#include <algorithm>

#include "engine/system_tables/catalog_rows.h"
#include "engine/system_tables/information_parts.h"
#include "engine/system_tables/topic_records.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

constexpr std::string_view kMillraceSchemaName = "MILLRACE_CATALOG";

Show show_of(const MillraceTable& table) {
  Show show{};
  show.kind = table.kind;
  show.extended = table.extended;
  return show;
}

// Returns the column's name in the table; "last error" becomes LAST_ERROR.
std::string column_name(std::string_view shown) {
  if (shown == "memory bytes") return "MEMORY";
  if (shown == "rows/s") return "ROWS_PER_SECOND";
  std::string name = upper_case(shown);
  std::ranges::replace(name, ' ', '_');
  return name;
}

}  // namespace

const std::span<const MillraceTable> kMillraceTables = [] {
  static constexpr std::string_view kNode[] = {"NODE"}, kGroup[] = {"GROUP"},
                                    kGroupPartition[] = {"GROUP", "TOPIC", "PARTITION"},
                                    kQuery[] = {"QUERY"}, kFact[] = {"SECTION", "NAME"},
                                    kTask[] = {"TASK"}, kTopic[] = {"TOPIC"};
  static constexpr MillraceTable kTables[] = {
      {"cluster", ShowKind::Cluster, false, kNode},
      {"consumer_groups", ShowKind::ConsumerGroups, false, kGroup},
      {"consumer_lag", ShowKind::ConsumerLag, false, kGroupPartition},
      {"queries", ShowKind::Queries, true, kQuery},
      {"server", ShowKind::Server, false, kFact},
      {"tasks", ShowKind::Tasks, false, kTask},
      {"topics", ShowKind::Topics, true, kTopic},
  };
  return std::span<const MillraceTable>(kTables);
}();

const MillraceTable* find_millrace_table(const SystemTable& table) {
  if (table.schema != kMillraceSchemaName) return nullptr;
  const std::string name = lower_case(table.name);
  const auto row = std::ranges::find(kMillraceTables, name, &MillraceTable::name);
  return row == kMillraceTables.end() ? nullptr : &*row;
}

SystemTable millrace_table(const MillraceTable& row) {
  SystemTable table{std::string(kMillraceSchemaName), upper_case(row.name),
                    show_schema(show_of(row))};
  for (ColumnDef& column : table.columns.columns) column.name = column_name(column.name);
  return table;
}

std::span<const std::string_view> followed_key(const SystemTable& table) {
  if (const MillraceTable* row = find_millrace_table(table)) return row->key;
  const HistoryTable* row = find_history_table(table);
  return row ? row->key : std::span<const std::string_view>();
}

bool needs_statuses(const SystemTable& table) {
  const MillraceTable* row = find_millrace_table(table);
  return row && (row->kind == ShowKind::Queries || row->kind == ShowKind::Tasks);
}
bool needs_server_facts(const SystemTable& table) {
  const MillraceTable* row = find_millrace_table(table);
  return row && row->kind == ShowKind::Server;
}
bool needs_consumer_groups(const SystemTable& table) {
  const MillraceTable* row = find_millrace_table(table);
  if (row) return row->kind == ShowKind::ConsumerGroups || row->kind == ShowKind::ConsumerLag;
  const HistoryTable* other = find_history_table(table);
  return other && other->reads_groups;
}

bool needs_connectors(const SystemTable& table) {
  const HistoryTable* row = find_history_table(table);
  return row && row->reads_connectors;
}

CatalogRows::CatalogRows(const InformationContext& context, std::string database, std::string user,
                         std::string temporary_schema)
    : context_(context),
      database_(std::move(database)),
      user_(std::move(user)),
      temporary_schema_(std::move(temporary_schema)) {}
CatalogRows::~CatalogRows() = default;

Result<RowsChunks> CatalogRows::rows(const SystemTable& table, const SystemRead& read,
                                     RowsContext&) const {
  if (is_records_table(table) || is_partitions_table(table))
    return Error{ErrorCode::NotSupported,
                 "this statement cannot read a table whose rows are in the log"};
  if (const HistoryTable* row = find_history_table(table))
    return RowsChunks{row->rows(table.columns, context_, read.wanted)};
  if (const MillraceTable* row = find_millrace_table(table)) {
    InformationRows shown = TRY(answer_show(show_of(*row), context_));
    return RowsChunks{{shown.rows, std::move(shown.columns)}};
  }
  const auto& fillers = table.schema != "PG_CATALOG"        ? kInformationSchemaRows
                        : table.name.starts_with("PG_STAT") ? kStatisticsRows
                                                            : kPostgresRows;
  const auto filler = std::ranges::find(fillers, table.name, &CatalogTableRows::name);
  SystemRowWriter out(table.columns, read);
  if (filler != fillers.end()) {
    if (!objects_) {
      auto objects = std::make_unique<CatalogObjects>(context_.catalog, temporary_schema_);
      if (context_.may_see)
        objects->hide_from(access_of(context_.access, user_).asker, context_.catalog,
                           context_.may_see);
      objects_ = std::move(objects);
    }
    filler->add({context_, database_, user_, temporary_schema_, *objects_}, out);
  }
  return RowsChunks{out.take()};
}

}  // namespace engine
