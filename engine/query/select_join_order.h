// Chooses the order in which the sources of a SELECT are joined, and rewrites join conditions.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "engine/sql/ast_query.h"

namespace engine {

// Returns the query with its sources in an order in which an equality joins each of them, if the written order would
// form all pairs of rows of some sources. For example, FROM a, b, c WHERE a.x = c.x AND c.y = b.y then begins with a
// and c. Returns nullopt if another order gains nothing, or if the result shows or depends on the written order, as
// with outer joins, USING and `*`. `owner_of` returns the visible name of the only source that has a column, or nullopt
// if several sources or none have it. The planner calls `owner_of` only for columns without a source name, as in the
// queries of TPC-H.
using OwnerOfColumn = std::function<std::optional<std::string>(const Name& column)>;
std::optional<Query> with_better_join_order(const Query& query, const OwnerOfColumn& owner_of);

// Adds to WHERE the equalities of two columns that all alternatives of an OR have in common, so that a join can use
// them: WHERE (a.x = b.x AND a.n < 5) OR (a.x = b.x AND b.n < 5), as in TPC-H 19, becomes a.x = b.x AND (...).
// Returns nullopt if the query has no such equality.
std::optional<Query> with_equalities_of_alternatives(const Query& query);

// Moves conditions with sub-queries from ON to WHERE, because sub-queries are evaluated on joined rows. The result
// must be the same, so this is done for inner joins whose rows no later join fills with nulls. Conditions on the
// right source alone restrict that source before a LEFT JOIN. Returns nullopt if the query has no such condition.
std::optional<Query> with_subqueries_out_of_joins(const Query& query);

}  // namespace engine
