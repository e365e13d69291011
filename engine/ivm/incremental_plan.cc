#include "engine/ivm/incremental_plan.h"

namespace engine {

namespace {

// Turns the tree of the SELECT into a list of steps.
class PlanWalk {
 public:
  explicit PlanWalk(const ViewPlan& view) : view_(view) {}

  // Returns the reason why the view is recomputed; empty if the steps are complete.
  std::string walk(const RowsNode& node) {
    return std::visit([&](const auto& step) { return see(step); }, node.step);
  }
  IncrementalPlan take_steps() { return std::move(steps_); }

 private:
  std::string see(const ReadRows& step) {
    const ViewRead& read = view_.reads[step.table];
    if (read.filter) steps_.emplace_back(FilterChanges{*read.filter});
    steps_.emplace_back(MapChanges{read.columns});
    return {};
  }
  std::string see(const FilterRows& step) {
    std::string reason = walk(*step.input);
    steps_.emplace_back(FilterChanges{step.condition});
    return reason;
  }
  std::string see(const ComputeColumns& step) {
    std::string reason = walk(*step.input);
    steps_.emplace_back(MapChanges{step.columns});
    return reason;
  }
  std::string see(const GroupRows&) { return "GROUP BY"; }
  std::string see(const CombineRows& step) {
    return step.op == SetOperator::Union       ? "UNION"
           : step.op == SetOperator::Intersect ? "INTERSECT"
                                               : "EXCEPT";
  }
  std::string see(const JoinRows&) { return "JOIN"; }
  std::string see(const AppendSubquery&) { return "a sub-query"; }
  std::string see(const UnnestRows&) { return "a set-returning function"; }
  std::string see(const WindowRows&) { return "a window function"; }
  std::string see(const DistinctRows&) { return "DISTINCT"; }
  std::string see(const SortRows&) { return "ORDER BY with LIMIT"; }
  std::string see(const CutRows&) { return "LIMIT"; }
  std::string see(const WrittenRows&) { return "VALUES"; }
  std::string see(const OneRow&) { return "a SELECT without FROM"; }
  std::string see(const NoRows&) { return "a SELECT without rows"; }
  std::string see(const OuterRows&) { return "LATERAL"; }
  std::string see(const RecursiveRows&) { return "WITH RECURSIVE"; }
  std::string see(const ReadSystemTable&) { return "a system table"; }

  const ViewPlan& view_;
  IncrementalPlan steps_;
};

}  // namespace

ViewMode mode_of(const ViewPlan& view) {
  PlanWalk walk(view);
  std::string reason = walk.walk(*view.root);
  if (reason.empty() && view.reads.size() != 1) reason = "several tables";
  if (!reason.empty()) return {{}, std::move(reason)};
  return {walk.take_steps(), {}};
}

}  // namespace engine
