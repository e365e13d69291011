#include "server/connect/postgres/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/suggest.h"

namespace server {

namespace {

int64_t number_of(const std::optional<std::string>& text) {
  int64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

bool is_true(const std::optional<std::string>& text) { return text && *text == "t"; }

std::string joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) all += (all.empty() ? "" : ", ") + part;
  return all;
}

// Returns whether the SQLSTATE of CREATE or ALTER PUBLICATION means that another session created,
// extended or dropped the publication after this session had looked for it.
bool has_lost_race(std::string_view state) {
  return state == "23505"      // unique_violation, of the catalog's index
         || state == "42710"   // duplicate_object: the publication exists, or has the table
         || state == "42704";  // undefined_object: the publication is gone
}

}  // namespace

Status PgCatalog::check_server() {
  const PgRow row = TRY(sql_.query(
      "SELECT current_setting('server_version_num'), current_setting('wal_level'), "
      "pg_is_in_recovery(), rolreplication OR rolsuper, current_setting('max_replication_slots'), "
      "(SELECT count(*) FROM pg_replication_slots), "
      "(SELECT string_agg(slot_name, ', ' ORDER BY slot_name) FROM pg_replication_slots), "
      "EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = " +
      sql_.quoted_text(source_.slot) + ") FROM pg_roles WHERE rolname = current_user"))[0];
  constexpr int64_t kOldest = 120'000, kDecodesOnStandby = 160'000;
  const int64_t version = number_of(row[0]);
  if (version < kOldest)
    return Error{ErrorCode::NotSupported,
                 fmt::format("{}: PostgreSQL {} is too old, the oldest is 12", source_.host_port,
                             version / 10'000)};
  if (is_true(row[2]) && version < kDecodesOnStandby)
    return Error{ErrorCode::NotSupported,
                 fmt::format("{}: a standby can be read from PostgreSQL 16 on", source_.host_port),
                 {},
                 "Connect to the primary server."};
  if (row[1] != "logical")
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("wal_level of the database is \"{}\", logical replication needs "
                             "\"logical\"",
                             row[1].value_or("")),
                 {},
                 "Run ALTER SYSTEM SET wal_level = logical, and restart PostgreSQL."};
  if (!is_true(row[3]))
    return Error{ErrorCode::InsufficientPrivilege,
                 fmt::format("user {} may not replicate", source_.user),
                 {},
                 fmt::format("Run ALTER ROLE {} REPLICATION.", sql_.quoted_name(source_.user))};
  if (!is_true(row[7]) && number_of(row[5]) >= number_of(row[4]))
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("all {} replication slots are taken: {}", row[4].value_or("0"),
                             row[6].value_or("none")),
                 {},
                 "Drop a slot with pg_drop_replication_slot(), or raise max_replication_slots."};
  return {};
}

Status PgCatalog::check_tables(const std::vector<PgRow>& rows) {
  std::vector<std::string> without_identity, without_right;
  for (const PgRow& row : rows) {
    const std::string name = *row[1] + "." + *row[2];
    if (!is_true(row[3])) without_right.push_back(name);
    if (!is_true(row[4])) without_identity.push_back(name);
  }
  if (!without_right.empty())
    return Error{ErrorCode::InsufficientPrivilege,
                 fmt::format("user {} may not read {}", source_.user, joined(without_right)),
                 {},
                 fmt::format("Run GRANT SELECT ON {} TO {}.", joined(without_right),
                             sql_.quoted_name(source_.user))};
  if (!without_identity.empty() && source_.publication_mode != engine::PublicationMode::Disabled)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("{} has neither a primary key nor a replica identity: once published, "
                             "PostgreSQL would refuse its UPDATEs and DELETEs",
                             joined(without_identity)),
                 {},
                 fmt::format("Run ALTER TABLE {} REPLICA IDENTITY FULL, or leave it out with "
                             "table.exclude.list.",
                             without_identity.front())};
  return {};
}

Result<std::vector<engine::PgTable>> PgCatalog::tables() {
  // Leaves out partitioned tables, since the changes belong to their partitions, and unlogged
  // tables, since their changes are not in the log.
  std::vector<PgRow> rows = TRY(sql_.query(
      "SELECT c.oid, n.nspname, c.relname, has_table_privilege(c.oid, 'SELECT') AND "
      "has_schema_privilege(n.oid, 'USAGE'), c.relreplident IN ('f', 'i') OR c.relreplident = 'd' "
      "AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) "
      "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND "
      "c.relpersistence = 'p' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND "
      "n.nspname !~ '^pg_(toast|temp)' ORDER BY 2, 3"));
  std::vector<std::string> all;
  for (const PgRow& row : rows) all.push_back(*row[1] + "." + *row[2]);
  std::erase_if(rows, [&](const PgRow& row) {
    return !source_.schemas.takes(*row[1]) || !source_.tables.takes(*row[1] + "." + *row[2]);
  });
  if (rows.empty()) {
    Error error{ErrorCode::InvalidParameter,
                fmt::format("no table of database {} matches table.include.list and the other "
                            "lists",
                            source_.form.database)};
    const std::string near = nearest_name(source_.table_list, all);
    error.hint = near.empty() ? "The lists have regular expressions of whole names, schema.table."
                              : fmt::format("The nearest name is {}.", near);
    return error;
  }
  TRY(check_tables(rows));
  std::vector<engine::PgTable> tables;
  for (const PgRow& row : rows) {
    engine::PgTable table{
        .oid = static_cast<uint32_t>(number_of(row[0])), .schema = *row[1], .name = *row[2]};
    TRY(describe(table, fmt::format("SELECT attnum, attname, atttypid, atttypmod FROM pg_attribute "
                                    "WHERE attrelid = {} AND attnum > 0 AND NOT attisdropped AND "
                                    "attgenerated = ''",
                                    table.oid)));
    tables.push_back(std::move(table));
  }
  return tables;
}

Status PgCatalog::describe(engine::PgTable& table, const std::string& columns) {
  const std::vector<PgRow> rows = TRY(sql_.query(fmt::format(
      "SELECT c.name, COALESCE(e.typname, b.typname), e.oid IS NOT NULL, "
      "COALESCE(e.typtype, b.typtype) = 'e', CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE "
      "c.modifier END, (SELECT string_agg(l.enumlabel, ',' ORDER BY l.enumsortorder) FROM pg_enum "
      "l WHERE l.enumtypid = COALESCE(e.oid, b.oid)), NOT COALESCE(a.attnotnull, false), "
      "COALESCE(array_position(i.indkey::int2[], a.attnum) + 1, 0), "
      "format_type(c.type, c.modifier), (SELECT quote_ident(n.nspname) || '.' || "
      "quote_ident(o.collname) FROM pg_collation o JOIN pg_namespace n ON n.oid = o.collnamespace "
      "WHERE o.oid = a.attcollation AND o.collname <> 'default') "
      "FROM ({0}) c(number, name, type, modifier) JOIN pg_type t ON t.oid = c.type "
      "JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END "
      "LEFT JOIN pg_type e ON b.typcategory = 'A' AND e.oid = b.typelem "
      "LEFT JOIN pg_attribute a ON a.attrelid = {1} AND a.attname = c.name AND NOT a.attisdropped "
      "LEFT JOIN pg_index i ON i.indexrelid = (SELECT x.indexrelid FROM pg_index x JOIN pg_class r "
      "ON r.oid = x.indrelid WHERE x.indrelid = {1} AND (x.indisprimary OR (x.indisreplident AND "
      "r.relreplident = 'i')) ORDER BY x.indisprimary DESC LIMIT 1) ORDER BY c.number",
      columns, table.oid)));
  for (const PgRow& row : rows) {
    const std::string name = row[0].value_or("");
    if (!source_.columns.takes(table.full_name() + "." + name)) continue;
    const auto type = engine::pg_type_of({.name = row[1].value_or(""),
                                          .is_array = is_true(row[2]),
                                          .is_enum = is_true(row[3]),
                                          .modifier = static_cast<int32_t>(number_of(row[4])),
                                          .labels = row[5].value_or("")});
    if (!type) {
      table.left_out.push_back(name);
      continue;
    }
    table.columns.push_back({.name = name,
                             .type = *type,
                             .is_nullable = is_true(row[6]),
                             .key_position = static_cast<int32_t>(number_of(row[7])),
                             .sql_type = row[8].value_or(""),
                             .collation = row[9].value_or("")});
  }
  return {};
}

Result<engine::PgTable> PgCatalog::table_of(const engine::PgRelation& relation) {
  std::string columns;
  int number = 0;
  for (const engine::PgRelation::Column& column : relation.columns)
    columns +=
        fmt::format("{}({}, {}::text, {}::oid, {}::int4)", columns.empty() ? "VALUES " : ", ",
                    ++number, sql_.quoted_text(column.name), column.type, column.modifier);
  engine::PgTable table{.oid = relation.oid, .schema = relation.schema, .name = relation.name};
  if (!columns.empty()) TRY(describe(table, columns));
  const bool is_full = relation.identity == 'f';
  if (!table.key().empty() || is_full) return table;
  // The table was dropped after the message was written, so its identity columns are taken from the
  // message.
  int32_t position = 0;
  for (engine::PgColumn& column : table.columns)
    for (const engine::PgRelation::Column& written : relation.columns)
      if (written.name == column.name && written.is_identity) column.key_position = ++position;
  return table;
}

Status PgCatalog::ensure_publication(const std::vector<engine::PgTable>& tables) {
  // Each repetition follows a change that another session made, at most one for each table, and the
  // creation or removal of the publication.
  const size_t most = tables.size() + 3;
  for (size_t tries = 1;; ++tries) {
    Status done = create_or_extend_publication(tables);
    if (done || tries == most || !has_lost_race(sql_.last_state())) {
      // A listed table was dropped. The next start of the task lists the tables again.
      constexpr std::string_view kUndefinedTable = "42P01";
      if (!done && sql_.last_state() == kUndefinedTable)
        return Error{ErrorCode::ObjectState, done.error().message};
      return done;
    }
  }
}

Status PgCatalog::create_or_extend_publication(const std::vector<engine::PgTable>& tables) {
  using engine::PublicationMode;
  const std::string name = sql_.quoted_name(source_.publication);
  const std::string text = sql_.quoted_text(source_.publication);
  std::string list;
  for (const engine::PgTable& table : tables)
    list += fmt::format("{}{}.{}", list.empty() ? "" : ", ", sql_.quoted_name(table.schema),
                        sql_.quoted_name(table.name));
  const bool exists =
      !TRY(sql_.query("SELECT FROM pg_publication WHERE pubname = " + text)).empty();
  if (!exists) {
    if (source_.publication_mode == PublicationMode::Disabled)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("publication {} does not exist", source_.publication),
                   {},
                   fmt::format("Run CREATE PUBLICATION {} FOR TABLE {}.", name, list)};
    std::string sql = "CREATE PUBLICATION " + name;
    if (source_.publication_mode == PublicationMode::AllTables) sql += " FOR ALL TABLES";
    if (source_.publication_mode == PublicationMode::Filtered) sql += " FOR TABLE " + list;
    if (auto made = sql_.query(sql); !made) {
      Error error = std::move(made).error();
      if (error.code == ErrorCode::InsufficientPrivilege)
        error.hint = fmt::format(
            "Set publication.autocreate.mode to filtered, or let an owner of the tables run CREATE "
            "PUBLICATION {} FOR TABLE {}.",
            name, list);
      return error;
    }
  }
  if (source_.publication_mode == PublicationMode::NoTables) return {};
  std::vector<std::string> missing;
  for (const engine::PgTable& table : tables)
    if (TRY(sql_.query(fmt::format(
                "SELECT FROM pg_publication_tables WHERE pubname = {} AND schemaname = {} AND "
                "tablename = {}",
                text, sql_.quoted_text(table.schema), sql_.quoted_text(table.name))))
            .empty())
      missing.push_back(sql_.quoted_name(table.schema) + "." + sql_.quoted_name(table.name));
  if (missing.empty()) return {};
  const std::string add = fmt::format("ALTER PUBLICATION {} ADD TABLE {}", name, joined(missing));
  if (source_.publication_mode == PublicationMode::Filtered) {
    TRY(sql_.query(add));
    return {};
  }
  return Error{ErrorCode::InvalidParameter,
               fmt::format("publication {} does not have {}, whose changes would not arrive",
                           source_.publication, joined(missing)),
               {},
               fmt::format("Run {}, or leave the tables out.", add)};
}

Result<std::optional<PgSlot>> PgCatalog::find_slot() {
  // to_jsonb() makes wal_status NULL before PostgreSQL 13, which introduced this column.
  const std::vector<PgRow> rows = TRY(sql_.query(
      "SELECT plugin, database, active_pid, confirmed_flush_lsn, to_jsonb(s)->>'wal_status' FROM "
      "pg_replication_slots s WHERE slot_name = " +
      sql_.quoted_text(source_.slot)));
  if (rows.empty()) return std::optional<PgSlot>();
  const PgRow& row = rows[0];
  if (row[0] != "pgoutput" || row[1] != source_.form.database)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("slot {} is of plug-in {} in database {}, and not of pgoutput in {}",
                             source_.slot, row[0].value_or("none"), row[1].value_or("none"),
                             source_.form.database),
                 {},
                 "Choose another slot.name."};
  PgSlot slot{.active_pid = row[2], .wal_status = row[4].value_or("")};
  if (row[3]) slot.confirmed = TRY(engine::parse_pg_lsn(*row[3]));
  return std::optional(slot);
}

std::string PgCatalog::oldest_transaction() {
  const auto rows = sql_.query(
      "SELECT pid, application_name, date_trunc('second', now() - xact_start)::text FROM "
      "pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() ORDER BY "
      "xact_start LIMIT 1");
  if (!rows || rows->empty()) return {};
  const PgRow& row = rows->front();
  return fmt::format("Process {} ({:?}) has a transaction that is open since {}.",
                     row[0].value_or("?"), row[1].value_or(""), row[2].value_or("?"));
}

Result<int64_t> PgCatalog::now_us() {
  const std::vector<PgRow> rows =
      TRY(sql_.query("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8"));
  return number_of(rows[0][0]);
}

}  // namespace server
