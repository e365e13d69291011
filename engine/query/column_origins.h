// Origins of a SELECT's result columns in tables. PostgreSQL's protocol sends them to clients: JDBC uses them to write
// changed rows back.
#pragma once
#include <string>
#include <vector>

#include "engine/plan/analysis.h"

namespace engine {

struct ColumnOrigin {
  const DataSource* table = nullptr;  // null: computed, or not from a table of the catalog
  std::string column = {};            // its name in the table
};

// Returns one origin per column of the result; a query in FROM or WITH passes the origins of its columns on. Empty if
// names alone do not determine them. Call it for planned SELECTs only: it performs no checks.
std::vector<ColumnOrigin> column_origins(const Query& query, const PlanContext& context);

}  // namespace engine
