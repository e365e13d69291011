// Puts the columns of the outer rows in front of the columns of a sub-query that reads them.
#pragma once
#include <string>
#include <utility>

#include "engine/query/rows_planning.h"

namespace engine {

// The error of a sub-query that reads outer rows in a way that cannot be rewritten.
Error too_correlated(TextPosition position);
// The error of an aggregate whose columns all belong to the outer query.
Error aggregate_of_outer(TextPosition position);
// Returns whether the query has a group even if it has no rows. This is the group of all rows, or that of an empty
// grouping set.
bool has_row_of_none(const Query& query);
// Returns the number of empty grouping sets.
size_t empty_sets(const Query& query);

// The columns of the outer rows, called keys, as a rewritten sub-query names them. A query with keys returns its rows for
// all outer rows at once: its first columns are the keys, and the other columns are those that the query returns for the
// outer row with these keys.
//
// Not thread-safe: one thread plans a statement, and the rewrite owns the object.
class OuterKeys {
 public:
  // `alias` is the name of the source of outer rows, RowsPlanning::outer_name(), and `count` the number of its columns.
  OuterKeys(std::string alias, size_t count, RowsPlanning& planning)
      : alias_(std::move(alias)), count_(count), planning_(planning) {}

  // Returns the name of a column of the outer rows. Like the alias of their source, it contains a
  // character that no name in a statement has.
  static std::string column_name(const std::string& alias, size_t at);
  // Returns whether the query, or a query within it, names a column of the outer rows.
  bool are_read_by(const Query& query) const;

  // Makes the query return the keys, then its columns. All of its references to the outer query are columns of the
  // source `alias`, at any place: in WITH, in queries of FROM, in set operations and in VALUES. With `only_keys`, a plain
  // SELECT returns the distinct keys alone. A LIMIT of the query itself must have been removed. Fails with NotSupported
  // if the query cannot be rewritten.
  Status put_first(Query& query, bool only_keys) const;
  // Does the same for a SELECT whose first source in FROM is already the source of outer rows, or a query with keys.
  void put_first_in_select(Query& query, bool only_keys) const;
  // Adds the source of outer rows to FROM, as the first source.
  void read_outer_rows(Query& query) const;

 private:
  ExpressionPtr reference(const Name& source, size_t at, TextPosition position) const;
  Status put_first_in_part(std::shared_ptr<const Query>& part) const;
  Status put_first_in_recursion(CommonTable& table) const;
  Status put_first_in_rounds(Query& rounds, const CommonTable& table) const;
  Status write_tables_out(Query& query) const;
  Status check(const Query& query) const;
  void make_lateral(Query& query) const;

  const std::string alias_;
  const size_t count_;
  RowsPlanning& planning_;
};

}  // namespace engine
