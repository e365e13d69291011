// What functions and casts of PostgreSQL's catalog mean: look-ups in its tables, which are written in place of them.
#pragma once
#include <string_view>

#include "engine/sql/ast.h"

namespace engine {

// Puts what they stand for in place of calls like pg_get_userbyid(x) and obj_description(x, 'pg_class'), and of casts like
// 'orders'::regclass, wherever they are in the statement, and of the catalog's tables' column tableoid where `text`, the
// statement's, has it. Fails with InvalidParameter when one has another number of arguments.
Status expand_catalog_functions(Statement& statement, std::string_view text);

}  // namespace engine
