// The pseudo column OP of a push query. It shows for each row how the row changes the result, so that a client can
// maintain a copy of a table. Similar columns of other systems are mz_diff (Materialize) and op (RisingWave).
#pragma once
#include <optional>

#include "engine/plan/query_plan.h"
#include "engine/types/batch.h"

namespace engine {

// Returns the query, in whose SELECT list each OP and __OP is replaced by a literal with a special
// name; nullopt if it has neither. If a source has a column named OP, OP refers to that column;
// __OP always refers to the pseudo column.
std::optional<Query> with_marked_ops(const Query& query, const PlanContext& context);

// Finds the columns of the result that with_marked_ops() has marked, and gives them their names.
// Also makes the steps of the plan pass on the replaced rows, because an update can only be
// distinguished from an insert by the row that it has replaced.
void add_op_columns(PlannedQuery& planned);

// Returns the values of OP for the rows of a batch: insert, update, delete, or upsert for a row of a table whose
// replaced row is unknown. A stream has only inserts.
ColumnPtr op_column(const Batch& batch, bool is_table);

}  // namespace engine
