// Expressions whose value is only shown, and neither stored nor ordered by.
#pragma once
#include "engine/expr/bind.h"

namespace engine {

// Binds like bind(). Dates and times that are literals or parameters keep microseconds, years BC and infinity while
// they are shown, compared with each other, or moved by intervals (docs/adr/0058).
Result<BoundExpression> bind_shown(const Expression& expression, const Scope& scope);

}  // namespace engine
