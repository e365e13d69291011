// The catalog of a PostgreSQL database: its tables, publication and slot, and the checks before a connector reads it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "engine/connect/postgres/pg_records.h"
#include "engine/connect/postgres/pgoutput.h"
#include "engine/connect/postgres/source_properties.h"
#include "server/connect/postgres/connection.h"

namespace server {

struct PgSlot {
  engine::PgLsn confirmed = 0;
  std::optional<std::string> active_pid;
  std::string wal_status;  // empty before PostgreSQL 13
};

// Threads: one. Owner: a reader, or CREATE CONNECTOR.
class PgCatalog {
 public:
  // Both outlive this object.
  PgCatalog(PgConnection& sql, const engine::PostgresSource& source) : sql_(sql), source_(source) {}

  // Checks the server's version, wal_level and the role, and that a missing slot can be created.
  Status check_server();
  // Returns the tables that the source reads, sorted by name. Fails with InvalidParameter if no
  // table matches, or if a table has no key by which UPDATE and DELETE identify a row; and with
  // InsufficientPrivilege if the role may not read a table.
  Result<std::vector<engine::PgTable>> tables();
  // Returns the table of a relation message in the log. The message contains neither the key nor
  // the NULL constraints; both are read from the present catalog.
  Result<engine::PgTable> table_of(const engine::PgRelation& relation);
  // Creates the publication, and adds missing tables to it if the configuration permits that. Other
  // sessions may do the same at the same time. Fails with ObjectState if one of the tables was
  // dropped.
  Status ensure_publication(const std::vector<engine::PgTable>& tables);
  Result<std::optional<PgSlot>> find_slot();
  // Returns a sentence about the oldest open transaction; empty if none is open. PostgreSQL creates
  // a slot only after the transactions that were open before have ended.
  std::string oldest_transaction();
  // Returns the current time of the server, in microseconds since 1970.
  Result<int64_t> now_us();

 private:
  // `columns` is the text of a query that returns (number, name, type, modifier) for each column of
  // the table.
  Status describe(engine::PgTable& table, const std::string& columns);
  Status check_tables(const std::vector<PgRow>& rows);
  // Fails if another session changes the publication between the check and the statement.
  Status create_or_extend_publication(const std::vector<engine::PgTable>& tables);

  PgConnection& sql_;
  const engine::PostgresSource& source_;
};

}  // namespace server
