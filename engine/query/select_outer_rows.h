// Rewrites sub-queries that use columns of their outer query elsewhere than in equalities.
#pragma once
#include <optional>

#include "engine/query/rows_planning.h"

namespace engine {

// How the outer query uses the sub-query: as a value, in EXISTS or IN, or as a source of FROM.
enum class OuterUse : uint8_t { Scalar, Exists, In, Lateral };

struct SubqueryWithOuterRows {
  Query query;             // returns the keys, then the sub-query's columns (EXISTS: the keys only)
  size_t number;           // number of the OuterRows that the query reads
  ExpressionList columns;  // columns of the outer query, in the order of the keys
  bool takes_first;        // LIMIT 1 was removed: the first row of each key is the result
  RowLimits limits;        // limits that were removed; they apply to the rows of each key, in order
};

// Rewrites the sub-query so that it reads the distinct rows of the outer query as one more source.
// It then no longer depends on a single outer row, and its results are looked up for each outer row
// (Neumann and Kemper, "Unnesting Arbitrary Queries", 2015). Returns nullopt if the sub-query does
// not refer to the outer query. Fails with NotSupported if it has clauses whose meaning would
// change.
Result<std::optional<SubqueryWithOuterRows>> bring_outer_rows_in(const Query& subquery,
                                                                 OuterUse use,
                                                                 const SelectNames& outer,
                                                                 RowsPlanning& planning);

bool has_aggregate(const Query& query);
// Returns whether the expression is the name of an item of the SELECT list, which ORDER BY may use.
bool is_alias_of_item(const Query& query, const Expression& expression);
// Returns whether all rows form one group. Such a query returns one row even if it reads no rows, unless HAVING or a
// limit removes this row.
bool is_one_group(const Query& query);

// Some sub-queries return a row even if no rows match. Returns a query that computes this row,
// without the keys. Returns nullopt if the sub-query has no row in this case, or a limit removes
// it. Fails with NotSupported if the row depends on the outer row or on HAVING.
Result<std::optional<Query>> of_no_rows(const Query& subquery, const SubqueryWithOuterRows& outer);

}  // namespace engine
