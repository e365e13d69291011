// Texts that are written where a value of another type is meant.
#pragma once
#include "engine/expr/bind.h"

namespace engine {

// The literal as a value of the type of what stands beside it, by PostgreSQL's rules: a point in time in the zone of the scope.
Result<BoundExpression> bind_written_text(const StringLiteral& text, const SqlType& type,
                                          const Scope& scope);

}  // namespace engine
