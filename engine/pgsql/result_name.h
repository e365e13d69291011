// Finds the name that PostgreSQL gives to a result column without an alias. Works on PostgreSQL's
// syntax tree.
#pragma once
#include <string>

#include "engine/pgsql/tree.h"

namespace engine::pgsql {

// Returns PostgreSQL's name of the expression: "format_type" for a call, "text" for '%'::text; an empty text if
// PostgreSQL calls the expression "?column?". Follows PostgreSQL's FigureColname().
std::string result_name_of(const Node& node);

}  // namespace engine::pgsql
