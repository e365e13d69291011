// Text literals in places where a value of another type is expected.
#pragma once
#include "engine/expr/bind.h"

namespace engine {

// The literal as a value of the type next to it, by PostgreSQL's rules: a point in time is read in the scope's zone.
Result<BoundExpression> bind_written_text(const StringLiteral& text, const SqlType& type,
                                          const Scope& scope);

}  // namespace engine
