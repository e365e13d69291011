// Names the result columns that have no alias.
#pragma once
#include <string>

#include "engine/sql/ast_expression.h"

namespace engine {

// Returns PostgreSQL's name of the column: the name of a column or function, the type of a cast if its operand has no
// name, otherwise "?column?".
std::string result_name(const Expression& expression);

}  // namespace engine
