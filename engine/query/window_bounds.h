// Which windows a condition can be true for.
#pragma once
#include "engine/exec/operator.h"
#include "engine/expr/bind.h"
#include "engine/sql/ast_expression.h"

namespace engine {

// Bounds of WINDOWSTART and WINDOWEND outside which `condition` is not true. Comparisons with constants, BETWEEN, AND
// and OR are understood; everything else bounds nothing. The condition has been bound: it has no errors of type.
WindowBounds window_bounds(const Expression& condition, const Scope& scope,
                           const EvalContext& eval);

}  // namespace engine
