// Converts numbers that statements write to NUMERIC columns without a precision (engine/types/numeric_alone.h).
#pragma once
#include "engine/functions/kernel.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Returns whether the expression is a number with all its digits given: a literal, a parameter or a column. Computed
// numbers are rounded to the column's digits instead, because systems round quotients differently.
bool names_number(const Expression& expression);
// Returns whether names_number() is true for an item of the query's SELECT list.
bool names_number(const Query& query, size_t item);

// Casts to a NUMERIC without a precision. A value that would lose digits fails with OutOfRange.
void whole_numeric_kernel(KernelCall& call);

}  // namespace engine
