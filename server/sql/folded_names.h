// Folds names in definitions as PostgreSQL does: "orders" and orders are one name. The dialect
// folds unquoted names to upper case. So without this step the quoted name "orders" and the
// unquoted name orders would be two tables, although they are one for PostgreSQL.
#pragma once
#include <memory>

#include "engine/plan/analysis.h"

namespace server {

// Returns the definition with names that the catalog finds. If it creates a table in PostgreSQL's
// syntax, the names of the table and its columns are folded. The name of an existing table is
// replaced by its name in the catalog. Returns the statement itself if nothing changes, and always
// with `compat = ksqldb`.
std::shared_ptr<const engine::ParsedStatement> with_folded_names(
    std::shared_ptr<const engine::ParsedStatement> statement, const engine::PlanContext& context);

}  // namespace server
