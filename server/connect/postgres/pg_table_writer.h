// Writes the rows of a sink into tables of PostgreSQL. The position of each partition is a row of the table
// millrace_positions, which changes in the same transaction.
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

// Rows are copied (COPY) into a temporary table, and from there one statement writes them into the
// table. If the database rejects a set of rows, the set is halved again and again until each
// invalid row is alone.
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
  // A run: rows that one statement writes. They are rows of one table with the same columns, and
  // either all of them are deletes or none is.
  struct Run {
    std::string topic;                                // the table follows from it
    std::shared_ptr<const engine::TableShape> shape;  // of the first row
    std::vector<size_t> columns;                      // of the table, in the order of the values
    std::vector<size_t> left_out = {};  // indexes of values without a column, all of them NULL
    size_t key_columns = 0;
    bool is_delete = false;
    std::vector<size_t> rows;  // indexes of the rows of the batch
  };
  struct Prepared {
    std::vector<Run> runs;
    std::vector<BadRow> bad;
  };
  // Finds the run of each row, and gives the values the form of their columns.
  Result<Prepared> prepare(std::vector<PlacedRow>& rows);
  Result<Run*> run_of(const PlacedRow& placed, Prepared& prepared);
  // Removes the values without a column. Fails with InvalidText for a value that PostgreSQL would read with another
  // meaning.
  static Status fit_values(engine::TableRow& row, const PgTable& table, const Run& run);
  Result<const PgTable*> find_table(const std::string& topic);
  // Creates the table of the row if it does not exist and the configuration asks for it. Returns false for a delete from
  // a table that does not exist yet.
  Result<bool> has_table(const PlacedRow& placed);
  // Returns a run without rows. Fails with InvalidText if the table has no column for a value. Adds the columns first if
  // the configuration asks for it.
  Result<Run> find_columns(const PlacedRow& placed);
  // Adds the columns to the table, or fails with InvalidText if the configuration does not ask for it.
  Status add_columns(const PgTable& table, const std::vector<engine::TableColumn>& missing);
  // Reads the columns of the table again.
  void forget_table(const std::string& topic);
  // Returns the name of the temporary table for the columns of the run.
  Result<std::string> staging_of(const Run& run);
  std::string statement_of(const Run& run, const PgTable& table, const std::string& staging) const;
  // Writes the rows with these indexes, which belong to the run.
  Status write(const std::vector<PlacedRow>& rows, const Run& run, std::span<const size_t> part);
  Status write_or_halve(const std::vector<PlacedRow>& rows, const Run& run,
                        std::span<const size_t> part, std::vector<BadRow>& bad);
  // Begins the transaction of a batch.
  Status move_position(const TablePartition& partition, Offset from, Offset to);
  std::string position_where(const TablePartition& partition) const;
  // Returns whether the last error was caused by the values of rows.
  bool is_about_values() const;
  // Returns the error of a statement with the table and the column in its message.
  Error explained(Error error, const Run& run) const;

  const engine::PostgresSink sink_;
  const std::string connector_;
  std::optional<PgConnection> sql_;
  std::map<std::string, PgTable> tables_;        // by topic
  std::map<std::string, std::string> stagings_;  // temporary tables by their columns
  int staging_count_ = 0;
  bool has_looked_again_ = false;  // the columns of a table were read again for this batch
  int table_changes_ = 0;          // number of times that the columns of a table were read again
};

}  // namespace server
