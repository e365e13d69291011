// Sub-queries that compute something of aggregates and of the query around them.
#pragma once
#include <optional>

#include "engine/sql/ast_query.h"

namespace engine {

// (SELECT coalesce(sum(u.x), t.y) FROM u WHERE ...) as coalesce((SELECT sum(u.x) FROM u WHERE ...), t.y): the aggregates are
// looked up, also where there are no rows, and the rest is computed beside the row around. Nothing where the query has no such
// sub-query. What is of the query around is known by its source, which has to be named.
std::optional<Query> with_aggregates_taken_out(const Query& query);

}  // namespace engine
