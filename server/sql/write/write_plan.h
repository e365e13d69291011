// Plans INSERT ... SELECT into a table, UPDATE and DELETE. These statements run a SELECT once and
// write its rows (docs/adr/0053).
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
  engine::Query rows;          // the rows to write; for Delete their keys
  std::vector<size_t> places;  // for each column of `rows`: place in the target's schema
  size_t numbered = 0;  // number of trailing columns whose DEFAULT takes numbers of a sequence
  // The number of key columns if the statement is an UPDATE of key columns; otherwise 0. After each
  // new row, the SELECT then returns the old key, and the first column of an existing row that
  // already has the new key (NULL if no such row exists).
  size_t moved_keys = 0;
  // True: it is an error if a key occurs twice. False: of several rows with the same key, the last
  // one is kept.
  bool has_each_key_once = false;
  // True for INSERT ... ON CONFLICT: the rows that are written depend on the existing rows with the
  // same keys.
  bool is_upsert = false;
  // For INSERT ... SELECT ... ON CONFLICT: the SELECT without the casts to the types of the
  // columns, and the place of each of its columns. Otherwise null.
  struct Selected {
    std::shared_ptr<const engine::Query> query;
    std::vector<size_t> places;
  };
  Selected selected;
  std::vector<engine::SqlType> types() const;
  std::span<const size_t> given() const {
    return std::span(places).first(places.size() - numbered);
  }
  std::span<const size_t> row_places() const {
    return std::span(places).first(places.size() - (moved_keys > 0 ? moved_keys + 1 : 0));
  }
};

// Returns whether statements may change single rows of the source. This is so for a table that no
// query writes. See also check_writable().
bool is_changed_by_rows(const engine::DataSource& source);
// Returns whether the statement writes the rows of a SELECT into a table once. (An INSERT ...
// SELECT into a stream is a continuous query instead.)
bool writes_rows(const engine::Statement& statement, const engine::PlanContext& context);
// Returns the expressions of the RETURNING clause of the statement.
std::span<const engine::SelectItem> returning_of(const engine::Statement& statement);
ReturningNames returning_names(const engine::Statement& statement);
Result<RowsWrite> plan_rows_write(const engine::Statement& statement,
                                  const engine::PlanContext& context);
// Adds columns to the query of an INSERT: the omitted columns whose DEFAULT takes numbers of a
// sequence. The query then computes the DEFAULT for each row. `given` is the number of columns that
// the query had before. Returns false if no such columns exist.
Result<bool> add_sequence_defaults(RowsWrite& write, size_t given);
// If an UPDATE assigns the result of INT arithmetic, turns it into BIGINT arithmetic, because INT
// arithmetic would wrap around silently. `types` are the types of the assigned values. Returns
// false if the UPDATE has no such arithmetic.
Result<bool> widen_arithmetic(RowsWrite& write, std::vector<engine::SqlType>& types);
// Whether a column of type `to` can store values of type `from` without a conversion. Timestamps
// with and without a time zone need one.
bool is_written_alike(const engine::SqlType& from, const engine::SqlType& to);
// Returns the query with its columns cast from the types `are` to the types `wanted`. Columns are
// left as they are if both types are equal, or if written_columns() will convert them.
Result<engine::Query> with_types(engine::Query query, const std::vector<engine::SqlType>& are,
                                 const std::vector<engine::SqlType>& wanted);

}  // namespace server
