// Replaces functions and casts of PostgreSQL's catalog by look-ups in the tables of the catalog.
#pragma once
#include <string_view>

#include "engine/sql/ast.h"

namespace engine {

// Replaces calls like pg_get_userbyid(x) and obj_description(x, 'pg_class'), and casts like 'orders'::regclass,
// everywhere in the statement. Also replaces the column tableoid, which every table has, if `text`, the statement's
// text, contains it. Fails with InvalidParameter for a wrong number of arguments.
Status expand_catalog_functions(Statement& statement, std::string_view text);

// Returns whether the expression is NULL, a column of the catalog with a list of privileges, such as relacl, or a
// sub-query that returns such a column. These lists are always NULL.
bool is_list_of_privileges(const Expression& expression);

}  // namespace engine
