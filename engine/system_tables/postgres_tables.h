// PostgreSQL's catalog as tables: their columns, and what fills them. Private to this folder.
#pragma once
#include <map>
#include <memory>
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

// Rows by the names of their columns. What a row does not say is NULL; flags are false and numbers 0 where PostgreSQL has
// no NULL, which is nearly everywhere.
class SystemRowWriter {
 public:
  explicit SystemRowWriter(const Schema& columns);

  // What follows is about the next row.
  SystemRowWriter& row();
  // Upper-case names; one that the table has not is passed over.
  SystemRowWriter& set(std::string_view column, Value value);
  SystemRowWriter& set(std::string_view column, std::string_view text) {
    return set(column, Value::text(std::string(text)));
  }
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
  void finish_row();
  void set_system_columns();
  const Schema& schema_;
  std::map<std::string_view, size_t> places_;
  std::vector<std::shared_ptr<Column>> columns_;
  std::vector<Value> values_;  // of the row
  std::vector<bool> is_set_;
  size_t rows_ = 0;
  bool is_open_ = false;
};

// By schema and name.
const std::vector<std::unique_ptr<const SystemTable>>& all_system_tables();

}  // namespace engine
