// Folds names in definitions as PostgreSQL does: "orders" and orders are one name. The dialect
// folds unquoted names to upper case. So without this step the quoted name "orders" and the
// unquoted name orders would be two tables, although they are one for PostgreSQL.
#pragma once
#include <memory>

#include "engine/plan/analysis.h"

namespace server {

// Changes the names in a definition (CREATE, DROP, ALTER ...) to the spelling of the catalog. The name of an existing
// relation becomes its name in the catalog. New names of tables in PostgreSQL's syntax, of their columns, and of views
// are folded: "orders" in double quotes and lower case becomes ORDERS. With `compat = ksqldb` only the prefix of the
// schema `public` is removed from names, and nothing is folded. Returns the statement itself if nothing changes.
std::shared_ptr<const engine::ParsedStatement> with_folded_names(
    std::shared_ptr<const engine::ParsedStatement> statement, const engine::PlanContext& context);

}  // namespace server
