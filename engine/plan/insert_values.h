// INSERT INTO ... VALUES: from rows of expressions to columns that are ready to be written.
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
  // One for each column of the target's schema, in its order; HEADERS columns are null throughout.
  std::vector<ColumnPtr> columns;
  std::vector<int64_t> timestamps;  // one a row: ROWTIME where the statement gives it, else now
  // Where the next numbers of serial columns belong: NULLs until then.
  struct Gaps {
    size_t column;
    std::vector<size_t> rows;
  };
  std::vector<Gaps> serials = {};
  std::vector<Gaps> defaults = {};  // likewise, of those that have their DEFAULT
};

// What a column has where a row leaves it out. `scope` knows functions and types; NULL where nothing is declared.
Result<Value> default_value(const ColumnDef& column, const PlanContext& context,
                            const EvalContext& evaluation);

// All rows or none. The message says what is wrong with the row, the detail puts it in ksqlDB's
// words ("Failed to insert values into 'X'. ...").
Result<InsertBatch> plan_insert_values(const InsertValues& insert, const PlanContext& context,
                                       const EvalContext& evaluation);

// Where a column of the statement's list stands in the schema; below 0 where it does not.
int find_insert_column(const InsertColumn& column, const DataSource& source,
                       const PlanContext& context);

}  // namespace engine
