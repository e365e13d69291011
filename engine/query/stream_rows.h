// Reads a stream for a SELECT without EMIT: returns all records that the stream holds when the statement begins, as
// rows.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "engine/plan/query_plan.h"
#include "engine/plan/stage_builder.h"
#include "engine/query/pull.h"
#include "engine/types/column.h"

namespace engine {

struct StreamRows {
  PlannedQuery query;  // returns the columns that the SELECT uses
  // For each column of input_layout(): its index among the columns that `query` returns; nullopt if
  // the SELECT does not use the column.
  std::vector<std::optional<size_t>> places;
  std::vector<SqlType> types;  // types of the columns of input_layout()
};

// Plans the query that reads the stream. `stream` is the part of the stream that the SELECT reads;
// it has no keys and windows. With DecodedColumns::All, or if the SELECT uses no column at all, all
// columns are read. Fails like plan_push_query().
Result<StreamRows> plan_stream_rows(const PullPlan& stream, const PlanContext& context,
                                    DecodedColumns decoded);

// Converts rows of `stream.query` to the columns of input_layout(). `columns` are the columns that the query has
// returned, with `rows` rows. The result owns its strings; unused columns contain nulls.
std::vector<ColumnPtr> rows_in_layout(const StreamRows& stream, std::span<const ColumnPtr> columns,
                                      size_t rows);

}  // namespace engine
