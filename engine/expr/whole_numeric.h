// Numbers that statements write to columns of NUMERIC without a precision: see engine/types/numeric_alone.h.
#pragma once
#include "engine/functions/kernel.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Whether the expression names a number that is somewhere with all its digits: a literal, a parameter, a column. What is
// computed is rounded to the column's digits instead, as each system rounds quotients.
bool names_number(const Expression& expression);
// The same of a column of what the query gives.
bool names_number(const Query& query, size_t item);

// As CAST(value AS type), where the type is such a NUMERIC; OutOfRange where digits would be lost.
void whole_numeric_kernel(KernelCall& call);

}  // namespace engine
