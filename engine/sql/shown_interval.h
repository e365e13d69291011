// Recognises intervals in a syntax tree, where types are not known yet.
#pragma once
#include "engine/sql/ast_expression.h"

namespace engine {

// Returns whether the expression is a text, a cast to INTERVAL, a call of MAKE_INTERVAL, or
// computed from these.
bool shows_interval(const Expression& expression);

}  // namespace engine
