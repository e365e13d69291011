// Names in definitions as PostgreSQL has them: "orders" and orders are one. The dialect folds bare names to upper case, so that a
// quoted one in lower case would be another table than the bare one, which is what PostgreSQL's own parser takes it for.
#pragma once
#include <memory>

#include "engine/plan/analysis.h"

namespace server {

// The definition with names that are found: a table that it creates in PostgreSQL's words, and its columns, are folded; one that is
// there already is named as it is in the catalog. Itself where nothing changes, and where ksqlDB's ways are asked for.
std::shared_ptr<const engine::ParsedStatement> with_folded_names(
    std::shared_ptr<const engine::ParsedStatement> statement, const engine::PlanContext& context);

}  // namespace server
