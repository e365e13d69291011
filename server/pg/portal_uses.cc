#include "server/pg/portal_uses.h"

#include <algorithm>
#include <tuple>

#include "engine/sql/rewrite.h"
#include "engine/types/ascii.h"

namespace server::pg {

namespace {

bool is_of_tables(const engine::DropSource& drop) { return drop.kind == engine::SourceKind::Table; }

bool reads(const engine::Query& query, const engine::Name& table);

bool reads(const engine::AliasedSource& source, const engine::Name& table) {
  return source.query ? reads(*source.query, table)
                      : engine::equals_ignoring_case(source.name.text, table.text);
}

bool reads(const engine::Query& query, const engine::Name& table) {
  const auto in_source = [&](const engine::AliasedSource& source) { return reads(source, table); };
  if (query.combined &&
      (reads(*query.combined->left, table) || reads(*query.combined->right, table)))
    return true;
  if (query.from && in_source(*query.from)) return true;
  if (std::ranges::any_of(query.joins, in_source, &engine::Join::source)) return true;
  if (std::ranges::any_of(query.with, [&](const engine::CommonTable& each) {
        return each.query && reads(*each.query, table);
      }))
    return true;
  bool reads_within = false;
  const auto visit = [&](engine::ExpressionPtr& each) -> Status {
    if (const auto* subquery = each->as<engine::Subquery>())
      reads_within = reads_within || reads(*subquery->query, table);
    return {};
  };
  engine::Query copy = clone(query);
  // The visitor does not fail.
  std::ignore = engine::rewrite_expressions(copy, visit, engine::RewriteOrder::ParentsFirst);
  return reads_within;
}

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
  return query && reads(*query, table);
}

}  // namespace server::pg
