// What PostgreSQL calls a result column that has no alias, by its own syntax tree.
#pragma once
#include <string>

#include "engine/pgsql/tree.h"

namespace engine::pgsql {

// "format_type" of a call, "text" of '%'::text; empty for what has no name of its own ("?column?"). Source: PostgreSQL's
// FigureColname.
std::string result_name_of(const Node& node);

}  // namespace engine::pgsql
