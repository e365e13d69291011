#include "server/connect/postgres/postgres_connectors.h"

#include <fmt/format.h>

#include "engine/connect/postgres/sink_properties.h"
#include "engine/connect/postgres/source_properties.h"
#include "engine/connect/transforms/transform_chain.h"
#include "server/connect/postgres/catalog.h"
#include "server/connect/postgres/change_reader.h"
#include "server/connect/postgres/connection.h"
#include "server/connect/postgres/pg_table_writer.h"
#include "server/connect/postgres/pg_tables.h"

namespace server {

namespace {

// Returns notices about the tables, for properties that a user should know before the connector
// runs.
std::vector<ConnectorNotice> notices_of(const std::vector<engine::PgTable>& tables,
                                        bool has_snapshot) {
  std::vector<ConnectorNotice> notices;
  for (const engine::PgTable& table : tables) {
    std::string left_out;
    for (const std::string& column : table.left_out)
      left_out += (left_out.empty() ? "" : ", ") + column;
    if (!left_out.empty())
      notices.push_back(
          {true,
           fmt::format("columns of {} are left out, because their types have no form in Kafka "
                       "Connect: {}",
                       table.full_name(), left_out),
           "A view or a generated column with a cast to text has one."});
    if (has_snapshot && table.key().empty())
      notices.push_back({false,
                         fmt::format("{} has no primary key: its rows are copied twice after a "
                                     "crash within the snapshot",
                                     table.full_name()),
                         {}});
  }
  if (has_snapshot)
    notices.push_back({false,
                       fmt::format("a snapshot of {} {} runs, then changes follow", tables.size(),
                                   tables.size() == 1 ? "table" : "tables"),
                       {}});
  return notices;
}

bool is_sink(const engine::ConnectorClass& of) { return of.type == engine::ConnectorType::Sink; }

}  // namespace

std::vector<engine::PropertyRow> PostgresConnectors::rows(const engine::ConnectorClass& of) const {
  return is_sink(of) ? engine::postgres_sink_rows(of) : engine::postgres_source_rows();
}

std::vector<engine::WrongProperty> PostgresConnectors::check(
    const engine::ConnectorClass& of, const engine::PropertyValues& values) const {
  return is_sink(of) ? engine::read_postgres_sink(of, values).wrong
                     : engine::read_postgres_source(values).wrong;
}

engine::RecordForms PostgresConnectors::forms(const engine::ConnectorClass& of,
                                              const engine::PropertyValues& values) const {
  if (is_sink(of)) return engine::read_postgres_sink(of, values).sink.mapping.forms;
  const auto form = [&](std::string_view part) {
    return values.flag(fmt::format("{}.converter.schemas.enable", part))
               ? engine::DataForm::JsonWithSchema
               : engine::DataForm::Json;
  };
  return {.key = form("key"), .value = form("value")};
}

engine::ConnectorProperties PostgresConnectors::without_own_transforms(
    const engine::ConnectorClass& of, const engine::ConnectorProperties& config) const {
  return is_sink(of) ? config : engine::without_unwrapping(config);
}

std::string_view PostgresConnectors::guarantee(const engine::ConnectorClass& of) const {
  if (is_sink(of))
    return "exactly once, in the order of each partition; at least once with exactly.once = false";
  return "exactly once, in the order of commits; the snapshot of a table without a key is at least "
         "once";
}

Result<SourcePlan> PostgresConnectors::plan_source(const engine::ConnectorClass& /*of*/,
                                                   const engine::PropertyValues& values,
                                                   const ConnectorOwner& /*owner*/) const {
  SourcePlan plan;
  if (!values.flag("validate")) return plan;
  const engine::PostgresSource source = engine::read_postgres_source(values).source;
  PgConnection sql = TRY(PgConnection::open(source.connection, source.host_port, false));
  PgCatalog catalog(sql, source);
  TRY(catalog.check_server());
  TRY(catalog.find_slot());  // fails if the slot belongs to another database or plug-in
  const std::vector<engine::PgTable> tables = TRY(catalog.tables());
  for (const engine::PgTable& table : tables)
    plan.topics.push_back(engine::pg_topic(source.form, table));
  plan.notices = notices_of(tables, source.has_snapshot);
  return plan;
}

Result<std::unique_ptr<SourceReader>> PostgresConnectors::open_source(
    const engine::ConnectorClass& /*of*/, const engine::PropertyValues& values,
    engine::RowColumns /*columns*/, const ConnectorOwner& /*owner*/) const {
  auto read = engine::read_postgres_source(values);
  if (!read.wrong.empty()) return Error{ErrorCode::InvalidParameter, read.wrong.front().message};
  return std::unique_ptr<SourceReader>(
      std::make_unique<ChangeReader>(std::move(read.source), clock_));
}

std::string PostgresConnectors::topic_prefix(const engine::ConnectorClass& of,
                                             const engine::PropertyValues& values) const {
  if (is_sink(of)) return {};
  return values.text("topic.prefix") + ".";
}

std::vector<ConnectorNotice> PostgresConnectors::after_drop(const engine::ConnectorClass& of,
                                                            const engine::PropertyValues& values,
                                                            const ConnectorOwner& /*owner*/) const {
  if (is_sink(of)) return {};
  const engine::PostgresSource source = engine::read_postgres_source(values).source;
  const auto stays = [&](std::string_view why) {
    return std::vector<ConnectorNotice>{
        {true,
         fmt::format("slot {} is still in {} and keeps its WAL{}", source.slot, source.host_port,
                     why),
         fmt::format("SELECT pg_drop_replication_slot('{}') removes it.", source.slot)}};
  };
  if (!source.drops_slot) return stays("");
  auto sql = PgConnection::open(source.connection, source.host_port, false);
  if (!sql) return stays(": " + sql.error().message);
  // PostgreSQL cannot drop an active slot. So the statement waits until the server has noticed that
  // the reader's connection has ended.
  const std::string slot = sql->quoted_text(source.slot);
  const auto dropped = sql->query(fmt::format(
      "DO $$ BEGIN FOR i IN 1..50 LOOP EXIT WHEN NOT EXISTS (SELECT FROM pg_replication_slots "
      "WHERE slot_name = {0} AND active); PERFORM pg_sleep(0.1); END LOOP; PERFORM "
      "pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = {0}; END $$",
      slot));
  if (!dropped) return stays(": " + dropped.error().message);
  return {};
}

SinkPlan PostgresConnectors::plan_sink(const engine::ConnectorClass& of,
                                       const engine::PropertyValues& values) const {
  engine::PostgresSink sink = engine::read_postgres_sink(of, values).sink;
  SinkPlan plan;
  plan.topics = std::move(sink.topics);
  plan.tables = {std::move(sink.mapping), sink.batch_records, sink.is_exactly_once};
  return plan;
}

Status PostgresConnectors::check_sink(const engine::ConnectorClass& of,
                                      const engine::PropertyValues& values,
                                      const ConnectorOwner& /*owner*/) const {
  if (!values.flag("validate")) return {};
  const engine::PostgresSink sink = engine::read_postgres_sink(of, values).sink;
  const auto transforms =
      engine::read_transforms(values.config(), sink.mapping.forms, of.type).chain;
  std::vector<std::string> topics;
  // TimestampRouter derives the names of tables from the times of records, so these tables cannot
  // be checked here.
  for (const std::string& topic :
       transforms->routes_by_time() ? std::vector<std::string>() : sink.topics)
    for (std::string& routed : transforms->topics_of(topic)) topics.push_back(std::move(routed));
  PgConnection sql = TRY(PgConnection::open(sink.connection, sink.host_port, false));
  TRY(set_schema(sql, sink));
  return check_sink_tables(sql, sink, topics);
}

Result<std::unique_ptr<SinkWriter>> PostgresConnectors::open_sink(
    const engine::ConnectorClass& of, const engine::PropertyValues& /*values*/,
    const ConnectorOwner& /*owner*/) const {
  return engine::class_is_not_built_in(of.name, false);
}

Result<std::unique_ptr<TableWriter>> PostgresConnectors::open_tables(
    const engine::ConnectorClass& of, const engine::PropertyValues& values,
    const std::string& connector) const {
  auto read = engine::read_postgres_sink(of, values);
  if (!read.wrong.empty()) return Error{ErrorCode::InvalidParameter, read.wrong.front().message};
  return std::unique_ptr<TableWriter>(
      std::make_unique<PgTableWriter>(std::move(read.sink), connector));
}

}  // namespace server
