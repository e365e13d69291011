// Finds the windows for which a condition may be true.
#pragma once
#include "engine/exec/operator.h"
#include "engine/expr/bind.h"
#include "engine/sql/ast_expression.h"

namespace engine {

// Returns limits for WINDOWSTART and WINDOWEND. For windows outside of these limits, `condition` is
// certainly not true. Only comparisons with constants, BETWEEN, AND and OR give limits. The
// condition must have been bound before, so that it has no type errors.
WindowBounds window_bounds(const Expression& condition, const Scope& scope,
                           const EvalContext& eval);

}  // namespace engine
