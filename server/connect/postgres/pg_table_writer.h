// Writes the rows of a sink into tables of PostgreSQL. The position of each partition is a row of
// the table millrace_positions, and changes in the same transaction as the rows.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/connect/postgres/sink_properties.h"
#include "server/connect/postgres/connection.h"
#include "server/connect/postgres/pg_tables.h"
#include "server/connect/tables/table_writer.h"

namespace server {

// COPY writes the rows into a temporary table. From there, one statement writes them into the
// table. If the database refuses a set of rows, the writer halves the set repeatedly until it has
// isolated each bad row.
//
// Threads: the task's. Owner: the task.
class PgTableWriter final : public TableWriter {
 public:
  PgTableWriter(engine::PostgresSink sink, std::string connector)
      : sink_(std::move(sink)), connector_(std::move(connector)) {}

  Status start() override;
  Result<Offset> position(const TablePartition& partition, Offset otherwise,
                          bool replaces) override;
  Result<std::vector<BadRow>> apply(const TablePartition& partition, std::vector<PlacedRow> rows,
                                    Offset from, Offset to) override;
  Status commit() override;

 private:
  // Rows that one statement writes: rows of one table with the same columns, either all of them are
  // deletes, or none.
  struct Run {
    std::string topic;                                // the table follows from it
    std::shared_ptr<const engine::TableShape> shape;  // of the first row
    // indexes in the table's columns, in the order of the row's values
    std::vector<size_t> columns;
    // indexes of those values of a row that have no column; all of them are NULL
    std::vector<size_t> left_out = {};
    size_t key_columns = 0;
    bool is_delete = false;
    std::vector<size_t> rows;  // indexes of the rows of the batch
  };
  struct Prepared {
    std::vector<Run> runs;
    std::vector<BadRow> bad;
  };
  // Divides the rows into runs, and converts their values to the forms of the columns.
  Result<Prepared> prepare(std::vector<PlacedRow>& rows);
  Result<Run*> run_of(const PlacedRow& placed, Prepared& prepared);
  // Removes the values in run.left_out from the row. Fails with InvalidText for a value that
  // PostgreSQL would understand differently.
  static Status fit_values(engine::TableRow& row, const PgTable& table, const Run& run);
  Result<const PgTable*> find_table(const std::string& topic);
  // Creates the table of the row if it does not exist and the configuration permits that. Returns
  // false for a delete from a table that does not exist yet.
  Result<bool> has_table(const PlacedRow& placed);
  // Returns a run without rows, with the columns for the values of the row. Adds missing columns if
  // the configuration permits that, and otherwise fails with InvalidText.
  Result<Run> find_columns(const PlacedRow& placed);
  // Adds the missing columns to the table. Fails with InvalidText if the configuration does not
  // permit that.
  Status add_columns(const PgTable& table, const std::vector<engine::TableColumn>& missing);
  // Reads the columns of the table again.
  void forget_table(const std::string& topic);
  // Returns the name of the temporary table that has the columns of the run.
  Result<std::string> staging_of(const Run& run);
  std::string statement_of(const Run& run, const PgTable& table, const std::string& staging) const;
  // Writes the rows of the run whose indexes in `rows` are in `part`.
  Status write(const std::vector<PlacedRow>& rows, const Run& run, std::span<const size_t> part);
  Status write_or_halve(const std::vector<PlacedRow>& rows, const Run& run,
                        std::span<const size_t> part, std::vector<BadRow>& bad);
  // Begins the transaction of a batch.
  Status move_position(const TablePartition& partition, Offset from, Offset to);
  std::string position_where(const TablePartition& partition) const;
  // Returns whether the last error was caused by values of the rows.
  bool is_about_values() const;
  // Adds the table and the column to the message of an error.
  Error explained(Error error, const Run& run) const;

  const engine::PostgresSink sink_;
  const std::string connector_;
  std::optional<PgConnection> sql_;
  std::map<std::string, PgTable> tables_;        // by topic
  std::map<std::string, std::string> stagings_;  // temporary tables by their columns
  int staging_count_ = 0;
  // Whether the columns of a table were read again during this batch.
  bool has_looked_again_ = false;
  int table_changes_ = 0;  // how often the columns of a table were read again
};

}  // namespace server
