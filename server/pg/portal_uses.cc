#include "server/pg/portal_uses.h"

#include "engine/sql/reads_table.h"

namespace server::pg {

namespace {

bool is_of_tables(const engine::DropSource& drop) { return drop.kind == engine::SourceKind::Table; }

}  // namespace

TakenTables tables_taken_by(const engine::Statement& statement) {
  TakenTables taken;
  const auto add = [&](const engine::DropSource& drop) {
    taken.command = is_of_tables(drop) ? "DROP TABLE" : "DROP STREAM";
    taken.tables.push_back(drop.name);
  };
  if (const auto* drop = std::get_if<engine::DropSource>(&statement)) add(*drop);
  if (const auto* drops = std::get_if<engine::DropSources>(&statement))
    for (const engine::DropSource& each : drops->drops) add(each);
  if (const auto* truncate = std::get_if<engine::Truncate>(&statement)) {
    taken.command = "TRUNCATE";
    for (const engine::TableName& each : truncate->tables) taken.tables.push_back(each.name);
  }
  if (const auto* alter = std::get_if<engine::AlterColumns>(&statement))
    taken = {"ALTER TABLE", {alter->table.name}};
  if (const auto* alter = std::get_if<engine::AddPrimaryKey>(&statement))
    taken = {"ALTER TABLE", {alter->table.name}};
  return taken;
}

bool reads_table(const engine::Statement& statement, const engine::Name& table) {
  const auto* query = std::get_if<engine::Query>(&statement);
  return query && engine::reads_table(*query, table);
}

}  // namespace server::pg
