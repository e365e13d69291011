// The tables of PostgreSQL's catalog: their columns, and the writer that fills them. Private to this folder.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/query/system_rows.h"
#include "engine/types/value.h"

namespace engine {

struct PostgresTable {
  std::string_view schema, name, columns;
};
extern const std::span<const PostgresTable> kPostgresTables, kPostgresViews;

// Writes rows by the names of their columns. If a column is not set, a flag is false, a number is
// 0, and any other column is NULL. (Nearly all flags and numbers in PostgreSQL's tables are never
// NULL.)
class SystemRowWriter {
 public:
  // Leaves out the rows that `read` does not need. The columns that it does not need have only nulls.
  explicit SystemRowWriter(const Schema& columns, const SystemRead& read = {});

  // Begins the next row.
  SystemRowWriter& row();
  // Sets a column by its upper-case name. Ignores a name that the table does not have.
  SystemRowWriter& set(std::string_view column, Value value) {
    return set_at(place_of(column), std::move(value));
  }
  SystemRowWriter& set(std::string_view column, std::string_view text);
  SystemRowWriter& set(std::string_view column, const char* text) {
    return set(column, std::string_view(text));
  }
  SystemRowWriter& set(std::string_view column, bool flag) {
    return set(column, Value::boolean(flag));
  }
  SystemRowWriter& set_number(std::string_view column, int64_t number);
  SystemRowWriter& set_numbers(std::string_view column, const std::vector<int64_t>& numbers);

  RowsChunk take();

 private:
  // Returns the position of a column; nothing if the table does not have it or the statement does not use it.
  std::optional<size_t> place_of(std::string_view column);
  SystemRowWriter& set_at(std::optional<size_t> place, Value value);
  bool is_wanted() const;
  void finish_row();
  void set_system_columns();
  const Schema& schema_;
  const std::vector<SystemTextFilter> wanted_;
  std::map<std::string_view, size_t> places_;
  // The positions that place_of() has found, in the order of the calls within a row. The calls for the next row are
  // usually the same, so that most names need no search.
  struct Found {
    std::string name;
    std::optional<size_t> place;
  };
  std::vector<Found> found_;
  size_t next_found_ = 0;
  std::vector<bool> is_used_;
  std::vector<std::shared_ptr<Column>> columns_;
  std::vector<Value> values_;  // values of the current row
  std::vector<bool> is_set_;
  size_t rows_ = 0;
  size_t number_ = 0;  // of the current row; rows that are left out count, too
  bool is_open_ = false;
};

// Returns the tables, sorted by schema and name.
const std::vector<std::unique_ptr<const SystemTable>>& all_system_tables();

}  // namespace engine
