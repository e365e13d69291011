// Restrictions for queries without EMIT that could run, but that ksqlDB's settings forbid or, with --compat ksqldb,
// that ksqlDB does not support.
#pragma once
#include "base/result.h"
#include "engine/expr/bind.h"
#include "engine/plan/analysis.h"
#include "engine/sql/ast_query.h"

namespace engine {

// Checks the statement without looking at its sources: LIMIT if ksql.query.pull.limit.clause.enabled is false, joins,
// pseudo columns.
Status check_pull_use(const Query& query, const PlanContext& context);

// Checks the WHERE of a look-up in a table. If ksql.query.pull.table.scan.enabled is false, WHERE must name the keys: each
// with one equality in each of its alternatives. If ksql.query.pull.range.scan.enabled is true, which under --compat ksqldb
// is the default, one range of a key that is one text is allowed, too.
Status check_look_up(const Analysis& analysis, const DataSource& table, const PlanContext& context,
                     TextPosition position);

// Checks the result columns of a look-up.
Status check_look_up_result(const Schema& result, const DataSource& table,
                            const PlanContext& context, TextPosition position);

// An operation on constants that fails does so whether there are rows or not, as in PostgreSQL: WHERE 1 / 0 = 1.
Status check_constants(const BoundExpression& condition, const EvalContext& eval);

}  // namespace engine
