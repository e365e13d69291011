// EXPLAIN of INSERT, UPDATE and DELETE: shows the changed table and the plan that finds the rows to
// write.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/plan/analysis.h"
#include "engine/sql/ast.h"

namespace server {

// Whether the EXPLAIN is for an INSERT, UPDATE or DELETE and does not run it.
bool explains_write(const engine::Explain& explain, const engine::PlanContext& context);

// Returns the lines of the plan. Fails like the statement itself, and with the error that
// `may_change` returns for the table that the statement changes.
Result<std::vector<std::string>> explained_write(
    const engine::Explain& explain, const engine::PlanContext& context,
    const std::function<Status(const engine::DataSource&)>& may_change);

}  // namespace server
