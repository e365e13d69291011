// Checks numbers that statements write into NUMERIC columns without a precision
// (engine/types/numeric_alone.h).
#pragma once
#include "engine/functions/kernel.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Returns whether the expression gives a number with all its digits, as a literal, a parameter or a
// column does. A computed number is rounded to the column's digits instead, because the last digits
// of a quotient differ between database systems.
bool names_number(const Expression& expression);
// Returns whether names_number() is true for an item of the query's SELECT list.
bool names_number(const Query& query, size_t item);

// Casts to a NUMERIC without a precision. A value that would lose digits fails with OutOfRange.
void whole_numeric_kernel(KernelCall& call);

}  // namespace engine
