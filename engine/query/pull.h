// Pull queries: the part of a SELECT without EMIT that the tasks of a table execute, and the processing of their rows.
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
  // The serialized keys that can match, sorted; without it every row must be read. It only narrows the search: the
  // filter still decides.
  std::optional<std::vector<std::string>> keys;
  WindowBounds windows;                   // narrow the search too
  std::optional<BoundExpression> filter;  // over input_layout(table)
  std::vector<BoundExpression> columns;   // of the result; over input_layout(table)
  Schema result;
  std::optional<int64_t> limit;
};

// Returns the serialized keys of rows for which the condition may be true, sorted; nullopt if the condition does not
// narrow them down. The condition must have been bound, so that it has no type errors.
Result<std::optional<std::vector<std::string>>> keys_for(const Expression& where,
                                                         const DataSource& table,
                                                         const Scope& scope,
                                                         const EvalContext& eval);

// Fails on clauses that a query without EMIT cannot have: it would return the intermediate results too. Joins are not
// checked here: the planners support those of a stream with tables.
Status check_pull_clauses(const Query& query, const PlanContext& context);

// Fails on clauses that a look-up does not support: joins, grouping, windows. Parameters of the statement have their
// values in `context`, or are unknown: the plan then only describes the result and cannot be run.
Result<PullPlan> plan_pull_query(const Query& query, const PlanContext& context,
                                 const EvalContext& eval);

// Returns whether the plan can be reused while the catalog stays the same: its keys do not depend on time or random
// numbers.
bool is_repeatable(const PullPlan& plan);

// Returns whether filter and columns take about the same short time for any row: true for operators, but not for
// functions.
bool is_cheap(const PullPlan& plan);

// Filters and projects rows received from the tasks. Threads: one. Owner: the look-up; the plan outlives it.
class PullShaper {
 public:
  explicit PullShaper(const PullPlan& plan);
  // Returns at most `room` rows.
  Result<Batch> shape(Batch rows, size_t room, const EvalContext& eval) const;

 private:
  std::optional<Program> filter_;
  Program columns_;
};

// SELECT without FROM: constants and functions of them; one row, or none.
struct ConstantPlan {
  std::optional<BoundExpression> filter;  // over no columns
  std::optional<int64_t> limit;
  std::vector<BoundExpression> columns;
  Schema result;
};
Result<ConstantPlan> plan_constant_query(const Query& query, const PlanContext& context);

}  // namespace engine
