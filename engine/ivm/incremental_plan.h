// Decides whether a view can be kept up to date from the changes of its input, and with which steps.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/plan/view_plan.h"

namespace engine {

// The steps of an incremental view, in the order in which changes pass them. The expressions of a step are bound to
// the columns that the step before it passes on; those of the first step to the layout of the input.
struct MapChanges {
  std::vector<BoundExpression> columns;
};
struct FilterChanges {
  BoundExpression condition;
};
struct ReduceChanges {
  std::vector<BoundExpression> keys;
  std::vector<GroupedCall> aggregates;
};
// Name of MIN in the SELECT of a view, and whether a call is one of MIN and MAX.
inline constexpr std::string_view kMinOfAny = "pg_catalog.min", kMaxOfAny = "pg_catalog.max";
inline bool is_extreme(const AggregateInstance& instance) {
  return instance.def->name == kMinOfAny || instance.def->name == kMaxOfAny;
}
using IncrementalPlan = std::vector<std::variant<MapChanges, FilterChanges, ReduceChanges>>;

struct ViewMode {
  std::optional<IncrementalPlan> plan = {};  // nothing: the view is recomputed
  // The part of the SELECT for which the view is recomputed ("JOIN", "SUM of DOUBLE"); empty if there is a plan.
  std::string reason = {};
};

// Views over one table or stream with WHERE, expressions, and GROUP BY with COUNT, exact sums and means, MIN, MAX,
// BOOL_AND and BOOL_OR are incremental. All other views are recomputed.
ViewMode mode_of(const ViewPlan& view);

}  // namespace engine
