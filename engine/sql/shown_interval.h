// What shows in a syntax tree to be an interval: there types are not known yet.
#pragma once
#include "engine/sql/ast_expression.h"

namespace engine {

// A text, what is cast to INTERVAL, what MAKE_INTERVAL gives, and what is computed of such.
bool shows_interval(const Expression& expression);

}  // namespace engine
