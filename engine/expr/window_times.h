// Provides the bounds of a window as times.
#pragma once
#include "engine/sql/ast_expression.h"

namespace engine {

// Returns the TIMESTAMP for WINDOW_START or WINDOW_END, computed from the number of the window's bound; null for every
// other name. The caller prefers a column that has the name.
ExpressionPtr window_bound_as_time(const ColumnRef& column, TextPosition position);

}  // namespace engine
