// Rewrites sub-queries that combine aggregates with columns of the outer query.
#pragma once
#include <optional>

#include "engine/sql/ast_query.h"

namespace engine {

// Rewrites (SELECT coalesce(sum(u.x), t.y) FROM u WHERE ...) to coalesce((SELECT sum(u.x) FROM u
// WHERE ...), t.y). The aggregates are then looked up for each outer row, also if no row of u
// matches, and the rest of the expression is computed on the outer row. Returns nullopt if the
// query has no such sub-query. A column of the outer query is recognized only if it is written with
// its source name.
std::optional<Query> with_aggregates_taken_out(const Query& query);

}  // namespace engine
