// An expression whose value is shown as it is, and neither stored nor ordered by.
#pragma once
#include "engine/expr/bind.h"

namespace engine {

// As bind(). Dates and times that are written, or parameters, keep microseconds, years BC and infinity where they are
// shown, compared with each other and moved by intervals (docs/adr/0058).
Result<BoundExpression> bind_shown(const Expression& expression, const Scope& scope);

}  // namespace engine
