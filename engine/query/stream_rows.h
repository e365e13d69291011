// How a SELECT without EMIT reads a stream: all records that it holds when the statement begins, as rows.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "engine/plan/query_plan.h"
#include "engine/query/pull.h"
#include "engine/types/column.h"

namespace engine {

struct StreamRows {
  PlannedQuery query;  // gives the columns that the SELECT uses
  // One entry for each column of input_layout(): its place among those of the query; nothing where it is not used.
  std::vector<std::optional<size_t>> places;
  std::vector<SqlType> types;  // of input_layout()
};

// `stream`: what the SELECT asks of it; keys and windows are no part of that. Fails as plan_push_query() does.
Result<StreamRows> plan_stream_rows(const PullPlan& stream, const PlanContext& context);

// Rows of the query in the columns of input_layout(), with strings of their own; unused columns are null.
std::vector<ColumnPtr> rows_in_layout(const StreamRows& stream, std::span<const ColumnPtr> columns,
                                      size_t rows);

}  // namespace engine
