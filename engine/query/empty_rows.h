// Removes the parts of a plan that never have rows: a filter that is constantly false, LIMIT 0, and the steps whose
// rows depend on them. Drivers and dashboards send such statements to learn the columns of a result.
#pragma once
#include "engine/expr/bound.h"
#include "engine/functions/kernel.h"
#include "engine/query/select_rows.h"

namespace engine {

// Returns whether the condition has the same value for all rows, and this value is false or null. Returns false for a
// condition that fails: its error belongs to the rows.
bool is_never_true(const BoundExpression& condition, const EvalContext& eval);

// Replaces each step that never has rows by NoRows, and removes the tables, streams and system tables that the remaining
// steps do not read. PostgreSQL does the same under "One-Time Filter: false". The names in `views` remain.
SelectRowsPlan without_empty_parts(SelectRowsPlan plan, const EvalContext& eval);

}  // namespace engine
