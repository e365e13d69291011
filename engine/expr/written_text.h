// Binds text literals in places where a value of another type is expected.
#pragma once
#include "engine/expr/bind.h"

namespace engine {

// Converts the literal to the type of the value next to it, by PostgreSQL's rules. A point in time is read in the
// scope's zone.
Result<BoundExpression> bind_written_text(const StringLiteral& text, const SqlType& type,
                                          const Scope& scope);

}  // namespace engine
