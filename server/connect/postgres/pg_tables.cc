#include "server/connect/postgres/pg_tables.h"

#include <fmt/format.h>

#include <algorithm>

namespace server {

namespace {

bool is_same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

Error may_not(const engine::PostgresSink& sink, std::string_view what, std::string hint) {
  return {ErrorCode::InsufficientPrivilege,
          fmt::format("{} may not {}", sink.user, what),
          {},
          std::move(hint)};
}

// Time limit of ALTER TABLE, which waits for the transactions that use the table.
constexpr int kDefinitionMs = 60'000;
constexpr std::string_view kPositionsColumns =
    "(connector text, topic text, topic_id text, partition integer, next bigint NOT NULL, "
    "PRIMARY KEY (connector, topic, topic_id, partition))";

Error may_not_create_positions(const engine::PostgresSink& sink) {
  return may_not(sink, fmt::format("create {} in {}", kPositionsTable, sink.database),
                 fmt::format("Let a user that may run CREATE TABLE {0} {1}; GRANT SELECT, INSERT, "
                             "UPDATE ON {0} TO {2}; or set \"exactly.once\" = 'false'.",
                             kPositionsTable, kPositionsColumns, sink.user));
}

bool has_true(const std::vector<PgRow>& rows, size_t column = 0) {
  return !rows.empty() && rows[0][column] == "t";
}

Result<bool> has_positions(PgConnection& sql) {
  return has_true(
      TRY(sql.query(fmt::format("SELECT to_regclass('{}') IS NOT NULL", kPositionsTable))));
}

// Returns whether the user may create the table of positions, or write it if it exists.
Status check_positions(PgConnection& sql, const engine::PostgresSink& sink) {
  const auto rows = TRY(sql.query(fmt::format(
      "SELECT to_regclass('{0}') IS NOT NULL, has_schema_privilege(current_schema(), 'CREATE'), "
      "COALESCE(has_table_privilege(to_regclass('{0}'), 'SELECT') AND "
      "has_table_privilege(to_regclass('{0}'), 'INSERT') AND "
      "has_table_privilege(to_regclass('{0}'), 'UPDATE'), false)",
      kPositionsTable)));
  if (!has_true(rows, 0)) {
    if (!has_true(rows, 1)) return may_not_create_positions(sink);
    return {};
  }
  if (!has_true(rows, 2))
    return may_not(
        sink, fmt::format("read and write {} in {}", kPositionsTable, sink.database),
        fmt::format("Run: GRANT SELECT, INSERT, UPDATE ON {} TO {}", kPositionsTable, sink.user));
  return {};
}

// Longest name that PostgreSQL accepts. It cuts a longer one, so an added column would not be found
// by its name.
constexpr size_t kNameBytes = 63;

Status check_name(std::string_view what, const std::string& name, ErrorCode code) {
  if (name.size() <= kNameBytes) return {};
  return Error{code, fmt::format("{} \"{}\" has more than {} bytes", what, name, kNameBytes)};
}

std::string definition_of(PgConnection& sql, const engine::TableColumn& column) {
  std::string definition = sql.quoted_name(column.name) + " " + column.type;
  if (column.default_value) definition += " DEFAULT " + sql.quoted_text(*column.default_value);
  if (column.is_required) definition += " NOT NULL";
  return definition;
}

// Returns whether the user may create the table.
Status check_may_create(PgConnection& sql, const engine::PostgresSink& sink,
                        const engine::PgTableName& name) {
  const std::string schema =
      name.schema.empty() ? "current_schema()" : sql.quoted_text(name.schema);
  const auto rows = TRY(sql.query(fmt::format(
      "SELECT has_schema_privilege(oid, 'CREATE'), nspname FROM pg_namespace WHERE nspname = {}",
      schema)));
  if (rows.empty())
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("schema \"{}\" does not exist in {}", name.schema, sink.database),
                 {},
                 "Create the schema. Its name must have this letter case."};
  if (has_true(rows)) return {};
  return may_not(sink, fmt::format("create table {} in {}", name.table, sink.database),
                 fmt::format("Run: GRANT CREATE ON SCHEMA {} TO {}; or create the table.",
                             *rows[0][1], sink.user));
}

}  // namespace

std::optional<size_t> PgTable::find(std::string_view wanted) const {
  const auto exact = std::ranges::find(columns, wanted, &Column::name);
  const auto found =
      exact != columns.end() ? exact : std::ranges::find_if(columns, [&](const Column& each) {
        return is_same_name(each.name, wanted);
      });
  if (found == columns.end()) return std::nullopt;
  return static_cast<size_t>(found - columns.begin());
}

Result<std::optional<PgTable>> find_pg_table(PgConnection& sql, const engine::PgTableName& name) {
  const std::string table = sql.quoted_text(name.table);
  const std::string schema = name.schema.empty() ? "pg_table_is_visible(c.oid)"
                                                 : fmt::format("lower(n.nspname) = lower({})",
                                                               sql.quoted_text(name.schema));
  const auto found = TRY(sql.query(fmt::format(
      "SELECT n.nspname, c.relname, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = "
      "c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'f') AND lower(c.relname) = lower({0}) "
      "AND {1} ORDER BY c.relname <> {0}, n.nspname <> {2}",
      table, schema, sql.quoted_text(name.schema))));
  if (found.empty()) return std::optional<PgTable>();
  if (found.size() > 1 && *found[0][1] != name.table)
    return Error{
        ErrorCode::InvalidParameter,
        fmt::format("\"{}\" may be table {} or table {}", name.table, *found[0][1], *found[1][1]),
        {},
        "Write the name in the letter case of the table."};
  std::optional<PgTable> result(PgTable{*found[0][0], *found[0][1], {}});
  const auto rows = TRY(sql.query(fmt::format(
      "SELECT a.attname, format_type(a.atttypid, a.atttypmod), t.typcategory = 'A', t.typcategory "
      "IN ('D', 'T') FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = "
      "{} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
      *found[0][2])));
  for (const PgRow& row : rows)
    result->columns.push_back({*row[0], *row[1], row[2] == "t", row[3] == "t"});
  return result;
}

Status create_pg_table(PgConnection& sql, const engine::PgTableName& name,
                       const engine::TableShape& shape) {
  TRY(check_name("the name of table", name.table, ErrorCode::InvalidParameter));
  std::string columns, key;
  for (size_t i = 0; i < shape.columns.size(); ++i) {
    engine::TableColumn column = shape.columns[i];
    const bool is_key = i < shape.key_columns;
    if (column.type.empty() && is_key)
      return Error{ErrorCode::InvalidText, fmt::format("key \"{}\" is null", column.name)};
    if (column.type.empty()) continue;
    TRY(check_name("the name of column", column.name, ErrorCode::InvalidText));
    column.is_required = column.is_required || is_key;
    if (is_key) key += (key.empty() ? "" : ", ") + sql.quoted_name(column.name);
    columns += (columns.empty() ? "" : ", ") + definition_of(sql, column);
  }
  if (!key.empty()) columns += fmt::format(", PRIMARY KEY ({})", key);
  const std::string full =
      (name.schema.empty() ? "" : sql.quoted_name(name.schema) + ".") + sql.quoted_name(name.table);
  const auto created =
      sql.query(fmt::format("CREATE TABLE IF NOT EXISTS {} ({})", full, columns), kDefinitionMs);
  if (created) return {};
  // PostgreSQL also reports that the table exists if another session creates it at the same time.
  if (TRY(find_pg_table(sql, name))) return {};
  return created.error();
}

Status add_pg_columns(PgConnection& sql, const PgTable& table,
                      const std::vector<engine::TableColumn>& columns) {
  std::string additions;
  for (const engine::TableColumn& column : columns) {
    TRY(check_name("the name of column", column.name, ErrorCode::InvalidText));
    if (column.type.empty())
      return Error{ErrorCode::InvalidText, fmt::format("key \"{}\" is null", column.name)};
    if (column.is_required && !column.default_value)
      return Error{ErrorCode::InvalidText,
                   fmt::format("{} has no column \"{}\", which is not optional and has no default, "
                               "so it cannot be added",
                               table.full_name(), column.name),
                   {},
                   "Make the field optional in its schema, or add the column with ALTER TABLE."};
    additions += fmt::format("{}ADD COLUMN IF NOT EXISTS {}", additions.empty() ? "" : ", ",
                             definition_of(sql, column));
  }
  TRY(sql.query(fmt::format("ALTER TABLE {}.{} {}", sql.quoted_name(table.schema),
                            sql.quoted_name(table.name), additions),
                kDefinitionMs));
  return {};
}

Status make_positions_table(PgConnection& sql, const engine::PostgresSink& sink) {
  TRY(check_positions(sql, sink));
  if (TRY(has_positions(sql))) return {};
  const auto created =
      sql.query(fmt::format("CREATE TABLE IF NOT EXISTS {} {}", kPositionsTable, kPositionsColumns),
                kDefinitionMs);
  // Two connectors that start at the same time both create the table. Despite IF NOT EXISTS,
  // PostgreSQL then reports to one of them that the table exists (42P07), or a duplicate key of its
  // own catalog (23505).
  if (created || TRY(has_positions(sql))) return check_positions(sql, sink);
  return created.error();
}

Status check_sink_tables(PgConnection& sql, const engine::PostgresSink& sink,
                         const std::vector<std::string>& topics) {
  for (const std::string& topic : topics) {
    const engine::PgTableName name = TRY(engine::table_of_topic(sink, topic));
    const auto table = TRY(find_pg_table(sql, name));
    if (!table && sink.creates_tables) {
      TRY(check_may_create(sql, sink, name));
      continue;
    }
    if (!table)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("table {} of topic \"{}\" does not exist in {}", name.table, topic,
                               sink.database),
                   {},
                   "Create the table, change the format of the table's name, or let the connector "
                   "create the table (\"auto.create\" = 'true', with Debezium's class "
                   "\"schema.evolution\" = 'basic')."};
    const std::string full =
        sql.quoted_text(sql.quoted_name(table->schema) + "." + sql.quoted_name(table->name));
    const std::string_view right =
        sink.insert_mode == engine::InsertMode::Update ? "UPDATE" : "INSERT";
    const bool may =
        has_true(TRY(sql.query(fmt::format("SELECT has_table_privilege({}, '{}')", full, right))));
    if (!may)
      return may_not(sink, fmt::format("write {}", table->full_name()),
                     fmt::format("Run: GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}",
                                 table->full_name(), sink.user));
  }
  if (sink.is_exactly_once) TRY(check_positions(sql, sink));
  return {};
}

Status set_schema(PgConnection& sql, const engine::PostgresSink& sink) {
  if (sink.schema.empty()) return {};
  TRY(sql.query(fmt::format("SET search_path = {}", sql.quoted_name(sink.schema))));
  return {};
}

}  // namespace server
