// Chooses the order in which the sources of a SELECT are joined, and rewrites join conditions.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "engine/sql/ast_query.h"

namespace engine {

// Returns the query with its sources in an order in which each source is joined by an equality, if
// the written order would form all pairs of rows of some sources. For example, FROM a, b, c WHERE
// a.x = c.x AND c.y = b.y then begins with a and c. Returns nullopt if another order has no
// advantage, or if the result shows or depends on the written order, as with outer joins, USING and
// `*`. `owner_of` returns the visible name of the only source that has a column; nullopt if no
// source or several sources have it. It is called only for columns without a source name, as in the
// queries of TPC-H.
using OwnerOfColumn = std::function<std::optional<std::string>(const Name& column)>;
std::optional<Query> with_better_join_order(const Query& query, const OwnerOfColumn& owner_of);

// Adds to WHERE the equalities of two columns that all alternatives of an OR have in common, so that a join can use
// them: WHERE (a.x = b.x AND a.n < 5) OR (a.x = b.x AND b.n < 5), as in TPC-H 19, becomes a.x = b.x AND (...).
// Returns nullopt if the query has no such equality.
std::optional<Query> with_equalities_of_alternatives(const Query& query);

// Moves conditions with sub-queries from ON to WHERE, because sub-queries are evaluated on joined
// rows. This must not change the result. So it is done for inner joins whose rows are not filled
// with nulls by a later join. In a LEFT JOIN, a condition on the right source alone is applied to
// that source before the join. Returns nullopt if the query has no such condition.
std::optional<Query> with_subqueries_out_of_joins(const Query& query);

}  // namespace engine
