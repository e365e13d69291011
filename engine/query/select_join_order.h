// In which order the sources of a SELECT are joined.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "engine/sql/ast_query.h"

namespace engine {

// The query with its sources in an order in which each is joined by an equality, where the order that is written makes all pairs of some: FROM a, b, c
// WHERE a.x = c.x AND c.y = b.y begins with a and c. Nothing where that gains nothing, and where the order is seen in the result or decides
// it: outer joins, USING, `*`.
// `owner_of` gives the visible name of the only source that has a column; nothing if several have it, or none. It is asked for
// columns without a source alone, as TPC-H writes them.
using OwnerOfColumn = std::function<std::optional<std::string>(const Name& column)>;
std::optional<Query> with_better_join_order(const Query& query, const OwnerOfColumn& owner_of);

// The query with the equalities of two columns that all alternatives of an OR have in common beside that OR, where a join can use
// them: WHERE (a.x = b.x AND a.n < 5) OR (a.x = b.x AND b.n < 5), as in TPC-H 19, is a.x = b.x AND (...). Nothing where there are none.
std::optional<Query> with_equalities_of_alternatives(const Query& query);

// Conditions of ON with sub-queries, which are asked of joined rows, are conditions of WHERE where that is the same: of inner joins whose
// rows no later join fills with nulls. Those of the right source alone restrict it before a LEFT JOIN. Nothing where there are none.
std::optional<Query> with_subqueries_out_of_joins(const Query& query);

}  // namespace engine
