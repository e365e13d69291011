// Plans SELECT ... EMIT CHANGES over a table of millrace_catalog.
#pragma once
#include <optional>
#include <vector>

#include "engine/functions/kernel.h"
#include "engine/plan/analysis.h"
#include "engine/query/select_rows.h"
#include "engine/query/system_rows.h"

namespace server {

// A plan of a followed SELECT. `rows` computes the rows of a system table that pass the filter. The next survey finds
// the same row by its key columns, and so detects that the row has changed.
struct FollowedSelect {
  std::shared_ptr<const engine::SelectRowsPlan> rows;
  std::vector<size_t> key;       // indexes of the result's key columns
  std::optional<uint64_t> most;  // the LIMIT, which counts changes
};

// Returns whether the query follows a system table: it ends with EMIT, and its first source is a system table.
bool follows_system_table(const engine::Query& query, const engine::PlanContext& context);
// Plans a query for which follows_system_table() is true. Fails with NotSupported if it groups,
// joins or sorts, or if its result lacks a column that identifies the rows.
Result<FollowedSelect> plan_follow(const engine::Query& query, const engine::PlanContext& context,
                                   const engine::EvalContext& eval);

}  // namespace server
