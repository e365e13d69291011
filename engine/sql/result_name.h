// What a result column is called that has no alias.
#pragma once
#include <string>

#include "engine/sql/ast_expression.h"

namespace engine {

// As PostgreSQL names it: a column's or function's name, the type of a cast of something without a name, "?column?".
std::string result_name(const Expression& expression);

}  // namespace engine
