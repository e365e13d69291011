// Restrictions for queries without EMIT. Millrace could run these queries, but a setting of ksqlDB
// forbids them or, with --compat ksqldb, ksqlDB does not support them.
#pragma once
#include "base/result.h"
#include "engine/expr/bind.h"
#include "engine/plan/analysis.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Checks the parts of a query without EMIT that need no catalog. Refuses LIMIT if
// ksql.query.pull.limit.clause.enabled is false, and a negative LIMIT. Under --compat ksqldb also
// refuses ROWPARTITION and ROWOFFSET in SELECT and WHERE.
Status check_pull_use(const Query& query, const PlanContext& context);

// Checks the WHERE of a look-up in a table. If ksql.query.pull.table.scan.enabled is false, each alternative of WHERE
// must name each key with one equality. If ksql.query.pull.range.scan.enabled is true, which is the default under
// --compat ksqldb, one range of a key that is one text is allowed, too.
Status check_look_up(const Analysis& analysis, const DataSource& table, const PlanContext& context,
                     TextPosition position);

// Checks the result columns of a look-up.
Status check_look_up_result(const Schema& result, const DataSource& table,
                            const PlanContext& context, TextPosition position);

// Evaluates those parts of the condition that have only constants as operands, and returns their
// error. As in PostgreSQL, such a part fails even if the table has no rows: WHERE 1 / 0 = 1.
Status check_constants(const BoundExpression& condition, const EvalContext& eval);

}  // namespace engine
