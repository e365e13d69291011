// Removes the parts of a plan that never have rows: a filter that is constantly false, LIMIT 0, and the steps whose
// rows depend on them. Drivers and dashboards send such statements to learn the columns of a result.
#pragma once
#include "engine/expr/bound.h"
#include "engine/functions/kernel.h"
#include "engine/query/select_rows.h"

namespace engine {

// Returns whether the condition has the same value for all rows and this value is false or null. If
// evaluating the condition fails, returns false, because the error must be reported when a row is
// read.
bool is_never_true(const BoundExpression& condition, const EvalContext& eval);

// Replaces each step that can have no rows by NoRows. Removes tables, streams and system tables
// that the remaining steps do not read. PostgreSQL does the same ("One-Time Filter: false" in its
// plans). `views` is not changed.
SelectRowsPlan without_empty_parts(SelectRowsPlan plan, const EvalContext& eval);

}  // namespace engine
