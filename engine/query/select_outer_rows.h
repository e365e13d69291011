// Sub-queries that refer to their outer query by more than equalities.
#pragma once
#include <optional>

#include "engine/query/rows_planning.h"

namespace engine {

// Place of the sub-query: a value, or FROM.
enum class OuterUse : uint8_t { Scalar, Exists, In, Lateral };

struct SubqueryWithOuterRows {
  Query query;    // returns the keys, then the sub-query's columns; for EXISTS the keys only
  size_t number;  // number of its OuterRows
  ExpressionList columns;  // of the outer query, in the order of the keys
  bool takes_first;        // LIMIT 1 was removed: the first row of each key counts
  RowLimits limits;        // removed limits; they apply to the rows of each key, in their order
};

// Rewrites the sub-query to read, beside its own sources, each distinct row of the outer query once: it is then no
// longer correlated, and its results are looked up by those rows (Neumann and Kemper, "Unnesting Arbitrary Queries",
// 2015). Returns nullopt if it does not refer to the outer query. Fails with NotSupported if it has clauses whose
// meaning would change.
Result<std::optional<SubqueryWithOuterRows>> bring_outer_rows_in(const Query& subquery,
                                                                 OuterUse use,
                                                                 const SelectNames& outer,
                                                                 RowsPlanning& planning);

bool has_aggregate(const Query& query);
// Returns whether the expression is the name of an item, which ORDER BY may refer to.
bool is_alias_of_item(const Query& query, const Expression& expression);
// Returns whether all rows form one group: it then has a row even for no rows, unless HAVING or a limit removes it.
bool is_one_group(const Query& query);

// Returns a query for the result of such a sub-query for no rows, without the keys; nullopt if it has no row then, or
// if a limit removes it. Fails with NotSupported if that result depends on the outer row, or on HAVING.
Result<std::optional<Query>> of_no_rows(const Query& subquery, const SubqueryWithOuterRows& outer);

}  // namespace engine
