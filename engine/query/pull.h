// Pull queries (look-ups): the part of a SELECT without EMIT that the tasks of a table execute, and
// the processing of the rows that the tasks return.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/exec/operator.h"
#include "engine/expr/program.h"
#include "engine/plan/analysis.h"

namespace engine {

struct PullPlan {
  std::shared_ptr<const DataSource> table;
  // The serialized keys that may match, sorted; nullopt if every row must be read. The keys only
  // limit the search. The filter decides which rows match.
  std::optional<std::vector<std::string>> keys;
  WindowBounds windows;                   // narrow the search in addition to the keys
  std::optional<BoundExpression> filter;  // bound to input_layout(table)
  std::vector<BoundExpression> columns;   // result columns, bound to input_layout(table)
  Schema result;
  std::optional<int64_t> limit;
};

// Returns the serialized keys of all rows for which the condition may be true, sorted. Returns
// nullopt if the condition does not limit the keys. The condition must have been bound before, so
// that it has no type errors.
Result<std::optional<std::vector<std::string>>> keys_for(const Expression& where,
                                                         const DataSource& table,
                                                         const Scope& scope,
                                                         const EvalContext& eval);

// Fails if the query has a clause that needs EMIT, because such a query also returns intermediate
// results. Joins are not checked here, because the planners support joins of a stream with tables.
Status check_pull_clauses(const Query& query, const PlanContext& context);

// Plans a look-up. Fails if the query has a clause that a look-up does not support: a join, a group, a window
// function. Parameters of the statement have their values in `context`. If a value is unknown, the plan only
// describes the result and cannot be run.
Result<PullPlan> plan_pull_query(const Query& query, const PlanContext& context,
                                 const EvalContext& eval);

// Returns whether the plan can be reused while the catalog stays the same, because its keys do not depend on time or
// random numbers.
bool is_repeatable(const PullPlan& plan);

// Returns whether the filter and the columns take about the same short time for any row. This is
// true for operators. A function may take longer, so a plan with a function is not cheap.
bool is_cheap(const PullPlan& plan);

// Filters and projects rows received from the tasks.
//
// Threads: one. Owner: the look-up; the plan outlives it.
class PullShaper {
 public:
  explicit PullShaper(const PullPlan& plan);
  // Returns the result columns of the rows that pass the filter, but of at most `room` rows.
  Result<Batch> shape(Batch rows, size_t room, const EvalContext& eval) const;

 private:
  std::optional<Program> filter_;
  Program columns_;
};

// Plan of a SELECT without FROM. Its columns are constants and functions of constants. The result has one row;
// none if the condition is false.
struct ConstantPlan {
  std::optional<BoundExpression> filter;  // uses no columns
  std::optional<int64_t> limit;
  std::vector<BoundExpression> columns;
  Schema result;
};
Result<ConstantPlan> plan_constant_query(const Query& query, const PlanContext& context);

}  // namespace engine
