// Rewrites sub-queries that combine aggregates with columns of the outer query.
#pragma once
#include <optional>

#include "engine/sql/ast_query.h"

namespace engine {

// Rewrites (SELECT coalesce(sum(u.x), t.y) FROM u WHERE ...) to coalesce((SELECT sum(u.x) FROM u WHERE ...), t.y). The
// aggregates are then looked up for each outer row, even if no row of u matches, and the remaining expression is
// computed on the outer row. Returns nullopt if the query has no such sub-query. Columns of the outer query are
// recognized by their source name, so they must have one.
std::optional<Query> with_aggregates_taken_out(const Query& query);

}  // namespace engine
