// Pull queries: what a SELECT without EMIT asks of the tasks that keep a table, and what is done
// with their rows.
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
  // The serialized keys that can match, in their order; without it every row must be looked at. It only narrows:
  // the filter still decides.
  std::optional<std::vector<std::string>> keys;
  WindowBounds windows;                   // likewise
  std::optional<BoundExpression> filter;  // over input_layout(table)
  std::vector<BoundExpression> columns;   // of the result, likewise
  Schema result;
  std::optional<int64_t> limit;
};

// The serialized keys of rows for which the condition can be true, sorted; nothing where it does not narrow them
// down. The condition has been bound: it has no errors of type.
Result<std::optional<std::vector<std::string>>> keys_for(const Expression& where,
                                                         const DataSource& table,
                                                         const Scope& scope,
                                                         const EvalContext& eval);

// Fails on clauses that a query without EMIT cannot have: it would show how its result came about,
// not the result. Joins are for the planners to judge: those of a stream with tables have results.
Status check_pull_clauses(const Query& query, const PlanContext& context);

// Fails on what a look-up cannot do: joins, grouping, windows. Parameters of the statement have
// their values in `context`, or are unknown: then the plan serves to describe the result and cannot
// be run.
Result<PullPlan> plan_pull_query(const Query& query, const PlanContext& context,
                                 const EvalContext& eval);

// Whether the plan is right for later runs too, while the catalog stays as it is: its keys do not
// depend on the time or on chance.
bool is_repeatable(const PullPlan& plan);

// Whether filter and columns take about the same short time for any row: operators do, functions
// may not.
bool is_cheap(const PullPlan& plan);

// Filters and projects rows as they came from the tasks.
// Threads: one. Owner: the look-up; the plan outlives it.
class PullShaper {
 public:
  explicit PullShaper(const PullPlan& plan);
  // At most `room` of the rows are kept.
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
