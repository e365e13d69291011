// Provides the bounds of a window as times.
#pragma once
#include "engine/sql/ast_expression.h"

namespace engine {

// Returns the expression that computes WINDOW_START or WINDOW_END as a TIMESTAMP from the bound,
// which is stored as a number. Returns null for every other name. If a column has the name, the
// caller uses the column.
ExpressionPtr window_bound_as_time(const ColumnRef& column, TextPosition position);

}  // namespace engine
