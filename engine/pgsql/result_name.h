// Finds PostgreSQL's name for a result column without an alias in PostgreSQL's syntax tree.
#pragma once
#include <string>

#include "engine/pgsql/tree.h"

namespace engine::pgsql {

// Returns "format_type" for a call, "text" for '%'::text; empty for an expression that PostgreSQL calls "?column?".
// Follows PostgreSQL's FigureColname().
std::string result_name_of(const Node& node);

}  // namespace engine::pgsql
