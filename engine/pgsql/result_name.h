// PostgreSQL's name for a result column without an alias, from its own syntax tree.
#pragma once
#include <string>

#include "engine/pgsql/tree.h"

namespace engine::pgsql {

// "format_type" for a call, "text" for '%'::text; empty for an expression without a name of its own ("?column?").
// Source: PostgreSQL's FigureColname.
std::string result_name_of(const Node& node);

}  // namespace engine::pgsql
