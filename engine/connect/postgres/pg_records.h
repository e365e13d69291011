// Makes the records for changes of PostgreSQL's tables. A record has either Debezium's envelope
// (https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-create-events),
// or only the row, like the result of Debezium's transform ExtractNewRecordState.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/connect/postgres/pg_types.h"
#include "engine/connect/postgres/pgoutput.h"

namespace engine {

struct PgColumn {
  std::string name;
  PgType type;
  bool is_nullable = true;
  int32_t key_position = 0;    // position in the key, from 1; 0: not part of the key
  std::string sql_type = {};   // the type's name in a cast of PostgreSQL
  std::string collation = {};  // the collation after COLLATE; empty: the database's default
};
struct PgTable {
  uint32_t oid = 0;
  std::string schema, name;
  std::vector<PgColumn> columns = {};
  std::vector<std::string> left_out = {};  // columns whose types have no form in Kafka Connect
  std::string full_name() const { return schema + "." + name; }
  // Returns the indexes of the key's columns, in the order of the key.
  std::vector<size_t> key() const;
};

// The properties that determine the form of records.
struct PgRecordForm {
  std::string prefix, database;
  PgValueModes modes = {};
  bool has_key_schemas = true, has_value_schemas = true;
  bool is_unwrapped = false;   // true: the record is the row alone
  bool has_tombstones = true;  // true: a tombstone follows each delete
};

// The origin of a row.
struct PgOrigin {
  std::string snapshot = "false";
  int64_t ts_us = 0;  // time of the commit or of the snapshot
  std::optional<uint32_t> xid = {};
  PgLsn lsn = 0;
  std::optional<PgLsn> last_commit = {};  // end of the preceding transaction
};

// A change of a row. Each tuple has a cell for each column of the table.
struct PgChange {
  char op = 'r';  // r, c, u or d
  PgOldRow has_before = PgOldRow::None;
  PgTuple before = {}, after = {};
};

struct PgRecord {
  std::optional<std::string> key, value;
};

// Returns the topic PREFIX.schema.table. Characters that are not allowed in names of topics are
// replaced by '_'.
std::string pg_topic(const PgRecordForm& form, const PgTable& table);

// Makes the records for the changes of one table, as long as its columns do not change.
//
// Threads: one. Owner: the reader of a connector.
class PgRecordMaker {
 public:
  PgRecordMaker(const PgRecordForm& form, PgTable table);
  const PgTable& table() const { return table_; }
  std::string topic() const { return pg_topic(form_, table_); }

  // Adds the records for a change: one record, and after a delete its tombstone
  // (PgRecordForm::has_tombstones). If an UPDATE has changed the key, the records of the delete of
  // the old row precede the others. `now_us` is the time of the conversion. Fails with InvalidText
  // or OutOfRange if a value cannot be converted.
  Status add(const PgChange& change, const PgOrigin& origin, int64_t now_us,
             std::vector<PgRecord>& out) const;
  PgRecord truncation(const PgOrigin& origin, int64_t now_us) const;

 private:
  Result<std::string> row_json(const PgTuple& tuple) const;
  // Returns nothing for a table without a key.
  Result<std::optional<std::string>> key_json(const PgTuple& tuple) const;
  std::string envelope(char op, std::string_view before, std::string_view after,
                       const PgOrigin& origin, int64_t now_us) const;
  Status add_deleted(const PgTuple& before, const std::optional<std::string>& key,
                     const PgOrigin& origin, int64_t now_us, std::vector<PgRecord>& out) const;
  std::string row_schema(std::string_view suffix, bool is_optional, std::string_view field,
                         bool is_key) const;

  const PgRecordForm& form_;
  const PgTable table_;
  const std::vector<size_t> key_;
  std::string key_schema_, value_schema_;  // empty: records have none
};

}  // namespace engine
