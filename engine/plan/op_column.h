// The pseudo column OP of a push query. It shows for each row how the row changes the result, so that a client can
// maintain a copy of a table. Similar columns of other systems are mz_diff (Materialize) and op (RisingWave).
#pragma once
#include <optional>

#include "engine/plan/query_plan.h"
#include "engine/types/batch.h"

namespace engine {

// Returns the query with each OP and __OP of its SELECT list replaced by a literal under a marked name; nullopt if it
// has neither. A column of a source with the name OP takes precedence over the pseudo column; __OP is always the
// pseudo column.
std::optional<Query> with_marked_ops(const Query& query, const PlanContext& context);

// Finds the marked columns of the result and sets their names. Makes the steps of the plan pass replaced rows on,
// because only the replaced row distinguishes an update from an insert.
void add_op_columns(PlannedQuery& planned);

// Returns the values of OP for the rows of a batch: insert, update, delete, or upsert for a row of a table whose
// replaced row is unknown. A stream has only inserts.
ColumnPtr op_column(const Batch& batch, bool is_table);

}  // namespace engine
