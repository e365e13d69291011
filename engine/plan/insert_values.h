// Plans INSERT INTO ... VALUES: converts rows of expressions to columns that can be written.
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
  // One column for each column of the target's schema, in its order. HEADERS columns are all null.
  std::vector<ColumnPtr> columns;
  std::vector<int64_t> timestamps;  // by row: ROWTIME if given, otherwise the current time
  // A column, and the rows that give no value for it. In `serials`, these rows are NULL until they
  // get the next numbers of the SERIAL column.
  struct Gaps {
    size_t column;
    std::vector<size_t> rows;
  };
  std::vector<Gaps> serials = {};
  std::vector<Gaps> defaults = {};  // rows that already have the DEFAULT value
};

// Returns the value of a column that a row omits: its default, or NULL if no default is declared. `context` provides
// functions and types.
Result<Value> default_value(const ColumnDef& column, const PlanContext& context,
                            const EvalContext& evaluation);

// Converts all rows. Fails if one row cannot be converted. The message describes the error in the row; the detail has
// ksqlDB's wording ("Failed to insert values into 'X'. ...").
Result<InsertBatch> plan_insert_values(const InsertValues& insert, const PlanContext& context,
                                       const EvalContext& evaluation);

// Returns the index in the schema of a column that the statement lists; a negative number if the
// column does not exist.
int find_insert_column(const InsertColumn& column, const DataSource& source,
                       const PlanContext& context);
// Returns the error for a column to be written that does not exist. Its hint lists the columns that can be written.
Error no_such_written_column(const InsertColumn& column, const DataSource& source);

}  // namespace engine
