// The pseudo column OP of a push query: how each of its rows changes the result. A client that maintains a copy of a
// table applies rows by it. Other systems have the same as mz_diff (Materialize) and op (RisingWave).
#pragma once
#include <optional>

#include "engine/plan/query_plan.h"
#include "engine/types/batch.h"

namespace engine {

// Returns the query with each OP and __OP of its SELECT list replaced by a literal under a marked name; nullopt if it
// has none. A column of a source that is named OP takes precedence over OP; __OP is always the pseudo column.
std::optional<Query> with_marked_ops(const Query& query, const PlanContext& context);

// Finds the marked columns of the result, sets their names, and makes the steps of the plan pass replaced rows on,
// because an update differs from an insert by its replaced row.
void add_op_columns(PlannedQuery& planned);

// Returns the values for the rows of a batch: insert, update, delete; upsert for a row of a table whose replaced row is
// unknown. A stream has only inserts.
ColumnPtr op_column(const Batch& batch, bool is_table);

}  // namespace engine
