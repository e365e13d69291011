// INSERT INTO ... VALUES: converts rows of expressions to columns that can be written.
#pragma once
#include <memory>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/plan/analysis.h"
#include "engine/sql/ast.h"
#include "engine/types/column.h"

namespace engine {

struct InsertBatch {
  std::shared_ptr<const DataSource> target;
  // One per column of the target's schema, in its order; HEADERS columns are all null.
  std::vector<ColumnPtr> columns;
  std::vector<int64_t> timestamps;  // one per row: ROWTIME if the statement gives it, otherwise the current time
  // Places for the next values of serial columns, which are NULL until then.
  struct Gaps {
    size_t column;
    std::vector<size_t> rows;
  };
  std::vector<Gaps> serials = {};
  std::vector<Gaps> defaults = {};  // places for DEFAULT values
};

// Returns the value of a column that a row omits; NULL if no default is declared. `context` gives functions and types.
Result<Value> default_value(const ColumnDef& column, const PlanContext& context,
                            const EvalContext& evaluation);

// Converts all rows or fails. The message describes the error in the row, the detail has ksqlDB's wording ("Failed to
// insert values into 'X'. ...").
Result<InsertBatch> plan_insert_values(const InsertValues& insert, const PlanContext& context,
                                       const EvalContext& evaluation);

// Returns the index in the schema of a column in the statement's list; negative if it does not exist.
int find_insert_column(const InsertColumn& column, const DataSource& source,
                       const PlanContext& context);

}  // namespace engine
