// The name of a result column without an alias.
#pragma once
#include <string>

#include "engine/sql/ast_expression.h"

namespace engine {

// PostgreSQL's rules: a column's or function's name, the type of a cast of an expression without a name, "?column?".
std::string result_name(const Expression& expression);

}  // namespace engine
