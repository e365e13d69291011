// Order in which the sources of a SELECT are joined.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "engine/sql/ast_query.h"

namespace engine {

// Returns the query with its sources reordered so that each is joined by an equality, if the written order makes all
// pairs of some: FROM a, b, c WHERE a.x = c.x AND c.y = b.y begins with a and c. Returns nullopt if this gains nothing,
// or if the order is visible in the result or decides it: outer joins, USING, `*`. `owner_of` returns the visible name
// of the only source that has a column; nullopt if several have it, or none. It is called only for columns without a
// source name, as TPC-H writes them.
using OwnerOfColumn = std::function<std::optional<std::string>(const Name& column)>;
std::optional<Query> with_better_join_order(const Query& query, const OwnerOfColumn& owner_of);

// Adds the equalities of two columns that all alternatives of an OR have in common, so that a join can use them: WHERE
// (a.x = b.x AND a.n < 5) OR (a.x = b.x AND b.n < 5), as in TPC-H 19, becomes a.x = b.x AND (...). Returns nullopt if
// the query has none.
std::optional<Query> with_equalities_of_alternatives(const Query& query);

// Moves conditions with sub-queries, which are evaluated on joined rows, from ON to WHERE if the result is the same:
// for inner joins whose rows no later join fills with nulls. Conditions on the right source alone restrict that source
// before a LEFT JOIN. Returns nullopt if the query has none.
std::optional<Query> with_subqueries_out_of_joins(const Query& query);

}  // namespace engine
