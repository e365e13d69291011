// Folds names in definitions as PostgreSQL does: "orders" and orders are one name. The dialect
// folds bare names to upper case, so a quoted name in lower case would be another table than the
// bare one, although PostgreSQL's own parser treats them as the same.
#pragma once
#include <memory>

#include "engine/plan/analysis.h"

namespace server {

// Returns the definition with names that the catalog finds. The name and the columns of a table
// that is created in PostgreSQL's syntax are folded; the name of an existing table becomes its name
// in the catalog. Returns the statement itself if nothing changes, and always with `compat =
// ksqldb`.
std::shared_ptr<const engine::ParsedStatement> with_folded_names(
    std::shared_ptr<const engine::ParsedStatement> statement, const engine::PlanContext& context);

}  // namespace server
