// GROUPING SETS, ROLLUP and CUBE as a list of sets.
#pragma once
#include <vector>

#include "engine/sql/ast_query.h"

namespace engine {

// The sets among which one item of GROUP BY lets choose: of a plain expression one set, of it alone.
using GroupingItem = std::vector<ExpressionList>;

GroupingItem rollup_of(std::vector<ExpressionList> parts);
// Fails with LimitExceeded, as below.
Result<GroupingItem> cube_of(std::vector<ExpressionList> parts, TextPosition position);

// Puts each choice with each of the other items into query.group_by and query.grouping_sets. Fails with LimitExceeded where
// these are more than 4096, which is PostgreSQL's limit, too.
Status set_grouping(std::vector<GroupingItem> items, Query& query);
// The same for ROLLUP(...) and CUBE(...) in query.group_by, which the dialect's grammar reads as calls.
Status write_grouping_sets_out(Query& query);

}  // namespace engine
