#include "engine/ivm/incremental_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "engine/ivm/extremes.h"
#include "engine/ivm/row_id.h"
#include "engine/types/postgres_type_name.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

// A sum of decimals with more digits may exceed its type while it is added up, which depends on the order of the rows.
constexpr int kMostSummedDigits = 28;
constexpr std::string_view kCount = "COUNT";
// Aggregates whose results depend only on the values, and not on their order, and which have an exact undo.
constexpr std::string_view kSummed[] = {"pg_catalog.sum", "pg_catalog.avg"};
constexpr std::string_view kCounted[] = {"BOOL_AND", "BOOL_OR", "EVERY"};

// Returns whether equal values of the type always have equal bytes. Otherwise the value that a group shows would depend
// on the order of its rows.
bool has_one_form(const SqlType& type) {
  return !type.is_nested() && type.kind() != TypeKind::Double && !has_comparable_form(type);
}

std::string shown_call(const GroupedCall& call) {
  const std::string_view name = call.call.instance.def->name;
  std::string shown(name.substr(name.find('.') + 1));
  std::ranges::transform(shown, shown.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return shown;
}

// Returns why a view with this call is recomputed; empty if it need not be.
std::string reason_of(const GroupedCall& call) {
  const AggregateInstance& instance = call.call.instance;
  const std::string_view name = instance.def->name;
  const std::string shown = shown_call(call);
  if (call.is_distinct) return fmt::format("{}(DISTINCT ...)", shown);
  if (!call.order.empty()) return fmt::format("{} with ORDER BY", shown);
  if (name == kCount) return {};
  if (std::ranges::find(kCounted, name) != std::end(kCounted) && instance.def->has_undo())
    return {};
  if (instance.argument_types.size() != 1) return shown;
  const SqlType& type = instance.argument_types.front();
  const std::string of_type = fmt::format("{} of {}", shown, postgres_type_name(type));
  if (is_extreme(instance)) return Extremes::supports(type) ? "" : of_type;
  if (std::ranges::find(kSummed, name) == std::end(kSummed)) return shown;
  if (!instance.def->has_undo()) return of_type;
  const bool may_exceed = type.kind() == TypeKind::Decimal && type.precision() > kMostSummedDigits;
  return may_exceed ? of_type : "";
}

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
  std::string see(const GroupRows& step) {
    if (!step.sets.empty() || !step.groupings.empty()) return "GROUPING SETS";
    if (std::string reason = walk(*step.input); !reason.empty()) return reason;
    for (const BoundExpression& key : step.keys)
      if (!has_one_form(key.type)) return "GROUP BY of " + postgres_type_name(key.type);
    for (const GroupedCall& call : step.aggregates)
      if (std::string reason = reason_of(call); !reason.empty()) return reason;
    steps_.emplace_back(ReduceChanges{step.keys, step.aggregates});
    return {};
  }
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

ViewMode mode_of(const ViewPlan& view, std::string_view mode_setting) {
  if (mode_setting == kModeRecompute) return {{}, "the setting view.mode"};
  PlanWalk walk(view);
  std::string reason = walk.walk(*view.root);
  if (reason.empty() && view.reads.size() != 1) reason = "several tables";
  if (!reason.empty()) return {{}, std::move(reason)};
  return {walk.take_steps(), {}};
}

bool keeps_state(const ViewPlan& view, const IncrementalPlan& plan) {
  return may_repeat(view) || std::ranges::any_of(plan, [](const auto& step) {
           return std::holds_alternative<ReduceChanges>(step);
         });
}

ViewMode mode_of(const QueryPlan& plan) {
  const StagePlan& stage = plan.stages.back();
  const auto& view = *std::get<RecomputeStep>(stage.nodes.back().step).view;
  const auto setting = plan.properties.find(std::string(kViewMode));
  ViewMode mode = mode_of(view, setting == plan.properties.end() ? "" : setting->second);
  const auto lacks_old_rows = [](const PlanNode& node) {
    const auto* input = std::get_if<InputStep>(&node.step);
    return input && input->kind == SourceKind::Table && !input->old_too;
  };
  if (mode.plan && std::ranges::any_of(stage.nodes, lacks_old_rows))
    return {{}, "an older version of the server, which made the view"};
  return mode;
}

}  // namespace engine
