// Rows of PostgreSQL's statistics views. Each relation, index and sequence is listed, because tools join the views to
// pg_class. Statistics that Millrace does not count are 0 or NULL.
#include <utility>

#include "engine/system_tables/catalog_rows.h"

namespace engine {

namespace {

constexpr int64_t kDatabase = 5;  // the oid of the only database in pg_database

enum class Of : uint8_t { All, User, System };

bool is_meant(Of which, const CatalogRelation& relation) {
  const bool is_user = relation.source != nullptr || relation.sequence != nullptr;
  return which == Of::All || (which == Of::User) == is_user;
}

template <Of which>
void add_table_statistics(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogRelation& each : facts.objects.relations()) {
    if (!is_meant(which, each) || each.kind == 'v' || each.sequence) continue;
    out.row()
        .set_number("RELID", each.oid)
        .set("SCHEMANAME", each.schema_name)
        .set("RELNAME", each.name);
  }
}

template <Of which>
void add_index_statistics(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogRelation& each : facts.objects.relations()) {
    if (!is_meant(which, each) || each.key == 0) continue;
    out.row()
        .set_number("RELID", each.oid)
        .set_number("INDEXRELID", each.key)
        .set("SCHEMANAME", each.schema_name)
        .set("RELNAME", each.name)
        .set("INDEXRELNAME", each.key_name());
  }
}

void add_sequence_statistics(const CatalogFacts& facts, SystemRowWriter& out) {
  for (const CatalogRelation& each : facts.objects.relations())
    if (each.sequence)
      out.row()
          .set_number("RELID", each.oid)
          .set("SCHEMANAME", each.schema_name)
          .set("RELNAME", each.name);
}

void add_database_statistics(const CatalogFacts& facts, SystemRowWriter& out) {
  out.row().set_number("DATID", kDatabase).set("DATNAME", facts.database);
}

// Fills a view that has one row about the whole server.
void add_one_row(const CatalogFacts&, SystemRowWriter& out) { out.row(); }

}  // namespace

const std::span<const CatalogTableRows> kStatisticsRows = [] {
  static constexpr CatalogTableRows kRows[] = {
      {"PG_STAT_ALL_INDEXES", add_index_statistics<Of::All>},
      {"PG_STAT_ALL_TABLES", add_table_statistics<Of::All>},
      {"PG_STAT_ARCHIVER", add_one_row},
      {"PG_STAT_BGWRITER", add_one_row},
      {"PG_STAT_DATABASE", add_database_statistics},
      {"PG_STAT_DATABASE_CONFLICTS", add_database_statistics},
      {"PG_STAT_SYS_INDEXES", add_index_statistics<Of::System>},
      {"PG_STAT_SYS_TABLES", add_table_statistics<Of::System>},
      {"PG_STAT_USER_INDEXES", add_index_statistics<Of::User>},
      {"PG_STAT_USER_TABLES", add_table_statistics<Of::User>},
      {"PG_STAT_WAL", add_one_row},
      {"PG_STAT_XACT_ALL_TABLES", add_table_statistics<Of::All>},
      {"PG_STAT_XACT_SYS_TABLES", add_table_statistics<Of::System>},
      {"PG_STAT_XACT_USER_TABLES", add_table_statistics<Of::User>},
      {"PG_STATIO_ALL_INDEXES", add_index_statistics<Of::All>},
      {"PG_STATIO_ALL_SEQUENCES", add_sequence_statistics},
      {"PG_STATIO_ALL_TABLES", add_table_statistics<Of::All>},
      {"PG_STATIO_SYS_INDEXES", add_index_statistics<Of::System>},
      {"PG_STATIO_SYS_TABLES", add_table_statistics<Of::System>},
      {"PG_STATIO_USER_INDEXES", add_index_statistics<Of::User>},
      {"PG_STATIO_USER_SEQUENCES", add_sequence_statistics},
      {"PG_STATIO_USER_TABLES", add_table_statistics<Of::User>},
  };
  return std::span<const CatalogTableRows>(kRows);
}();

}  // namespace engine
