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

// Returns one origin per column of the result. A column of a query in FROM or WITH has the origin that it has in that
// query. Returns an empty list if names alone do not determine the origins. Call for planned SELECTs only, because
// the function performs no checks.
std::vector<ColumnOrigin> column_origins(const Query& query, const PlanContext& context);

}  // namespace engine
