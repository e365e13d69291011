// Finds the relations that a query reads.
#pragma once
#include "engine/sql/ast_query.h"

namespace engine {

// Returns whether the query, or a query within it, names the table after FROM or JOIN, in any case of letters. The
// result is also true if the query has a common table (WITH) of this name, which hides the table.
bool reads_table(const Query& query, const Name& table);

}  // namespace engine
