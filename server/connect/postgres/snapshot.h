// Copies the rows of tables as of an exported snapshot, each table in the order of its key.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/connect/postgres/pg_records.h"
#include "engine/connect/postgres/source_properties.h"
#include "server/connect/postgres/connection.h"

namespace server {

// The values of a key as texts.
using PgKeyTexts = std::vector<std::string>;

// Returns an SQL condition that is true for rows whose key is greater than `after`, such as ("a",
// "b") > ('1'::int, ...). If `values` is given, the condition compares these values and not the
// columns.
std::string behind_key(const PgConnection& sql, const engine::PgTable& table,
                       const PgKeyTexts& after, const PgKeyTexts* values = nullptr);

// Threads: one. Owner: a reader.
class PgSnapshot {
 public:
  // `snapshot` is the name of an exported snapshot, which must exist until this function returns.
  static Result<PgSnapshot> open(const engine::PostgresSource& source, const std::string& snapshot);

  // Adds a table, whose rows are returned after the rows of all tables that were added before. If
  // `after` is given, only rows with a greater key are returned.
  void add(engine::PgTable table, std::optional<PgKeyTexts> after);
  struct Row {
    std::vector<std::optional<std::string>> values;  // of all columns of the table
    size_t table = 0;                                // number of the call of add()
  };
  // Returns the next row; nothing if none arrives within `wait_ms`. After the last row is_done() is
  // true.
  Result<std::optional<Row>> next(int wait_ms);
  bool is_done() const { return table_ == tables_.size(); }

 private:
  struct Part {
    engine::PgTable table;
    std::optional<PgKeyTexts> after;
  };
  explicit PgSnapshot(PgConnection connection) : connection_(std::move(connection)) {}
  std::string copy_statement(const Part& part) const;
  // Begins to copy the next table. Fails with ObjectState if the table, or one of its columns, was
  // dropped after the tables were listed: the next start of the task lists them again.
  Status begin_table();

  PgConnection connection_;
  std::vector<Part> tables_;
  size_t table_ = 0;
  bool is_copying_ = false;
};

}  // namespace server
