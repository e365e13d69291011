// Sub-queries that refer to the query around them by more than equalities.
#pragma once
#include <optional>

#include "engine/query/rows_planning.h"

namespace engine {

// Where it stands: as a value, or in FROM.
enum class OuterUse : uint8_t { Scalar, Exists, In, Lateral };

struct SubqueryWithOuterRows {
  Query query;    // gives the keys first, then what the sub-query gives; of EXISTS the keys alone
  size_t number;  // of its OuterRows
  ExpressionList columns;  // of the query around, in the order of the keys
  bool takes_first;        // its LIMIT 1 was left out: of the rows of equal keys the first counts
  RowLimits limits;        // that were left out: they are of the rows of equal keys, in their order
};

// The sub-query as one that reads, beside its own sources, the rows around it, each once: then it is no longer correlated, and what it gives is
// looked up by these (Neumann and Kemper, "Unnesting Arbitrary Queries", 2015). Nothing where it does not look beyond
// itself. Fails with NotSupported where it has clauses that would mean something else then.
Result<std::optional<SubqueryWithOuterRows>> bring_outer_rows_in(const Query& subquery,
                                                                 OuterUse use,
                                                                 const SelectNames& outer,
                                                                 RowsPlanning& planning);

bool has_aggregate(const Query& query);
// ORDER BY may mean an item by its name.
bool is_alias_of_item(const Query& query, const Expression& expression);
// Whether it is over all rows at once: then it has a row for none, too, unless HAVING or a limit leaves it out.
bool is_one_group(const Query& query);

// What such a sub-query gives where there are no rows, without the keys; nothing where it is another, or a limit leaves
// the row out. Fails with NotSupported where that differs from one of the rows around to the next, or HAVING decides.
Result<std::optional<Query>> of_no_rows(const Query& subquery, const SubqueryWithOuterRows& outer);

}  // namespace engine
