// Finds, creates and changes the tables of a PostgreSQL database that a sink writes.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/connect/postgres/sink_properties.h"
#include "server/connect/postgres/connection.h"

namespace server {

struct PgTable {
  struct Column {
    std::string name, type;  // the type as in CREATE TABLE
    bool is_array = false;
    bool is_time = false;  // a date, a time, or an interval
  };
  std::string schema, name;
  std::vector<Column> columns;

  std::string full_name() const { return schema + "." + name; }
  // Returns the index of the column with exactly this name or, if there is none, with this name in
  // other letter case; nothing if neither exists.
  std::optional<size_t> find(std::string_view name) const;
};

// Returns the table or view; nothing if it does not exist. A table whose name differs only in
// letter case is returned if it is the only such table.
Result<std::optional<PgTable>> find_pg_table(PgConnection& sql, const engine::PgTableName& name);

// Creates the table for rows of this shape, unless it exists. The columns of the key become its
// primary key. Fails with InvalidText if the type of a key column is not known. Other columns of
// unknown type are left out.
Status create_pg_table(PgConnection& sql, const engine::PgTableName& name,
                       const engine::TableShape& shape);
// Adds columns to the table, unless they exist. Fails with InvalidText for a column that may not be NULL and has no
// default, because the rows of the table have no value for it.
Status add_pg_columns(PgConnection& sql, const PgTable& table,
                      const std::vector<engine::TableColumn>& columns);

inline constexpr std::string_view kPositionsTable = "millrace_positions";
// Creates the table millrace_positions unless it exists. Fails with InsufficientPrivilege if the
// user has no right to create it.
Status make_positions_table(PgConnection& sql, const engine::PostgresSink& sink);
// Checks that the tables of the topics and the table millrace_positions exist, and that the user
// may write to them.
Status check_sink_tables(PgConnection& sql, const engine::PostgresSink& sink,
                         const std::vector<std::string>& topics);
// Sets the schema of the session, if the sink has one.
Status set_schema(PgConnection& sql, const engine::PostgresSink& sink);

}  // namespace server
