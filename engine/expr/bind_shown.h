// Binds expressions whose value is only shown, and neither stored nor used for an order.
#pragma once
#include "engine/expr/bind.h"

namespace engine {

// Binds like bind(). In addition, dates and times that are literals or parameters keep
// microseconds, years BC and infinity, provided that they are only shown, compared with each other,
// or moved by intervals (docs/adr/0058).
Result<BoundExpression> bind_shown(const Expression& expression, const Scope& scope);

}  // namespace engine
