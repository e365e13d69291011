// Expands GROUPING SETS, ROLLUP and CUBE to a list of sets.
#pragma once
#include <vector>

#include "engine/sql/ast_query.h"

namespace engine {

// The alternative sets of one item of GROUP BY. A plain expression has one set, which only contains the expression.
using GroupingItem = std::vector<ExpressionList>;

GroupingItem rollup_of(std::vector<ExpressionList> parts);
// Returns the sets of CUBE(parts). Fails with LimitExceeded for more sets than set_grouping() accepts.
Result<GroupingItem> cube_of(std::vector<ExpressionList> parts, TextPosition position);

// Combines the alternatives of all items into query.group_by and query.grouping_sets. Fails with LimitExceeded for more
// than 4096 combinations, which is also PostgreSQL's limit.
Status set_grouping(std::vector<GroupingItem> items, Query& query);
// Expands ROLLUP(...) and CUBE(...) in query.group_by, which the dialect's grammar parses as calls.
Status write_grouping_sets_out(Query& query);

}  // namespace engine
