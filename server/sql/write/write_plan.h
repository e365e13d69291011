// INSERT ... SELECT into a table, UPDATE and DELETE: the rows of a SELECT, written once (docs/adr/0053).
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/plan/analysis.h"
#include "engine/sql/ast.h"
#include "server/sql/write/returning.h"

namespace server {

struct RowsWrite {
  enum class Kind : uint8_t { Insert, Update, Delete };
  Kind kind = Kind::Insert;
  std::shared_ptr<const engine::DataSource> target;
  engine::Query rows;          // what is written; of Delete the keys
  std::vector<size_t> places;  // in the target's schema, of each column of `rows`
  size_t numbered = 0;  // so many of the last have their DEFAULT, which takes numbers of a sequence
  // Of an UPDATE that assigns to the key, which has so many columns: behind the row stand its key as it is, and the first
  // column of the row that has the new key, which is NULL where there is none.
  size_t moved_keys = 0;
  bool has_each_key_once = false;  // else two rows of one key are the later one
  bool is_upsert = false;          // what an Insert writes depends on the rows of the same keys
  std::vector<engine::SqlType> types() const;
  std::span<const size_t> given() const {
    return std::span(places).first(places.size() - numbered);
  }
  std::span<const size_t> row_places() const {
    return std::span(places).first(places.size() - (moved_keys > 0 ? moved_keys + 1 : 0));
  }
};

// Whether statements may change its rows one by one: a table by itself. See check_writable(), too.
bool is_changed_by_rows(const engine::DataSource& source);
// Whether the statement writes rows of a SELECT into a table; an INSERT ... SELECT into a stream is a query that runs on.
bool writes_rows(const engine::Statement& statement, const engine::PlanContext& context);
// What it tells of the rows that it has written.
std::span<const engine::SelectItem> returning_of(const engine::Statement& statement);
ReturningNames returning_names(const engine::Statement& statement);
Result<RowsWrite> plan_rows_write(const engine::Statement& statement,
                                  const engine::PlanContext& context);
// An INSERT's columns that are left out, and whose DEFAULT takes numbers of a sequence: the query computes these for each row.
// `given`: how many columns it has. False when there are none.
Result<bool> add_sequence_defaults(RowsWrite& write, size_t given);
// Makes BIGINT of INT sums, products, ... that an UPDATE assigns, since they would wrap around; `types` are those of its values.
// False when there are none.
Result<bool> widen_arithmetic(RowsWrite& write, std::vector<engine::SqlType>& types);
// Whether values of the one type are written to a column of the other as they are; a time with a time zone is none without.
bool is_written_alike(const engine::SqlType& from, const engine::SqlType& to);
// The query with its columns cast to these types, where they are others and written_columns() does not do it.
Result<engine::Query> with_types(engine::Query query, const std::vector<engine::SqlType>& are,
                                 const std::vector<engine::SqlType>& wanted);

}  // namespace server
