// Numbers that statements write to NUMERIC columns without a precision: see engine/types/numeric_alone.h.
#pragma once
#include "engine/functions/kernel.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Whether the expression is a number that exists with all its digits: a literal, a parameter, a column. Computed
// numbers are rounded to the column's digits instead, because systems round quotients differently.
bool names_number(const Expression& expression);
// Whether an item of the query's SELECT list is such a number.
bool names_number(const Query& query, size_t item);

// As CAST(value AS type), where the type is such a NUMERIC; OutOfRange where digits would be lost.
void whole_numeric_kernel(KernelCall& call);

}  // namespace engine
