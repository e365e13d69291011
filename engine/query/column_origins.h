// Which columns of tables the columns of a SELECT's result are, as PostgreSQL's clients are told: those of JDBC write changed
// rows back by it.
#pragma once
#include <string>
#include <vector>

#include "engine/plan/analysis.h"

namespace engine {

struct ColumnOrigin {
  const DataSource* table = nullptr;  // null: computed, or of no table of the catalog
  std::string column = {};            // by its name there
};

// One a column of the result, also where a query in FROM or WITH hands the column on. Empty where names alone do not tell. For
// SELECTs that have been planned: nothing is checked.
std::vector<ColumnOrigin> column_origins(const Query& query, const PlanContext& context);

}  // namespace engine
