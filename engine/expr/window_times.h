// The bounds of a window as times.
#pragma once
#include "engine/sql/ast_expression.h"

namespace engine {

// The TIMESTAMP for WINDOW_START or WINDOW_END, computed from the number of the window's bound; null for every other
// name. A real column of that name takes precedence.
ExpressionPtr window_bound_as_time(const ColumnRef& column, TextPosition position);

}  // namespace engine
