// EXPLAIN of INSERT, UPDATE and DELETE: what is changed, and how the rows are found that are written.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/plan/analysis.h"
#include "engine/sql/ast.h"

namespace server {

// Whether it is one of these, and not to be run.
bool explains_write(const engine::Explain& explain, const engine::PlanContext& context);

// The lines of the plan. Fails as the statement would, and with what `may_change` says of its table.
Result<std::vector<std::string>> explained_write(
    const engine::Explain& explain, const engine::PlanContext& context,
    const std::function<Status(const engine::DataSource&)>& may_change);

}  // namespace server
