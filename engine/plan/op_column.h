// The pseudo column OP of a push query: how each of its rows changes the result. A client that keeps a copy of a table
// applies rows by it. Other systems have the same as mz_diff (Materialize) and op (RisingWave).
#pragma once
#include <optional>

#include "engine/plan/query_plan.h"
#include "engine/types/batch.h"

namespace engine {

// The query with each OP and __OP of its SELECT list replaced by a literal under a marked name; nothing where it has
// none. A column of a source that is named OP wins over OP; __OP is always the pseudo column.
std::optional<Query> with_marked_ops(const Query& query, const PlanContext& context);

// Finds the marked columns of the result, gives them their names, and makes the steps of the plan carry the replaced
// rows along, by which an update differs from an insert.
void add_op_columns(PlannedQuery& planned);

// The values for the rows of a batch: insert, update, delete; upsert for a row of a table whose replaced row is not
// known. A stream has inserts alone.
ColumnPtr op_column(const Batch& batch, bool is_table);

}  // namespace engine
