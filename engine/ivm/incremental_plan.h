// Decides whether a view can be kept up to date from the changes of its input, and with which steps.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/plan/plan.h"
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

// Values of the session setting view.mode. The setting is a property of the view's query.
inline constexpr std::string_view kViewMode = "view.mode", kModeRecompute = "recompute";

struct ViewMode {
  std::optional<IncrementalPlan> plan = {};  // nothing: the view is recomputed
  // The part of the SELECT for which the view is recomputed ("JOIN", "SUM of DOUBLE"); empty if there is a plan.
  std::string reason = {};
};

// Views over one table or stream with WHERE, expressions, and GROUP BY with COUNT, exact sums and means, MIN, MAX,
// BOOL_AND and BOOL_OR are incremental. All other views are recomputed. `mode_setting` is the value of view.mode.
ViewMode mode_of(const ViewPlan& view, std::string_view mode_setting);
// Returns whether the steps keep something of the rows. Otherwise the changes of the view follow from the changes of the
// input alone, and no complete run need fill the steps.
bool keeps_state(const ViewPlan& view, const IncrementalPlan& plan);
// Returns the mode of the view that this query keeps. The mode of a view whose plan was made by an older version of the
// server is recompute, because its input does not pass on the old rows.
ViewMode mode_of(const QueryPlan& plan);

}  // namespace engine
