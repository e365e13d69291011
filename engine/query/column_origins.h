// Finds the table columns from which the result columns of a SELECT originate. PostgreSQL's protocol sends the origins
// to clients; JDBC uses them to write changed rows back.
#pragma once
#include <string>
#include <vector>

#include "engine/plan/analysis.h"

namespace engine {

struct ColumnOrigin {
  const DataSource* table = nullptr;  // null: computed, or not from a catalog table
  std::string column = {};            // name of the column in the table
};

// Returns one origin for each column of the result. If a column comes from a query in FROM or WITH,
// it has the same origin as in that query. Returns an empty list if the origins cannot be
// determined from the names alone. Call it only for a SELECT that has been planned, because it
// makes no checks.
std::vector<ColumnOrigin> column_origins(const Query& query, const PlanContext& context);

}  // namespace engine
