// The shapes of a view. A shape is a part that a SELECT may have, such as a join or an aggregate;
// it decides how a materialized view with this part is kept up to date.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/plan/view_plan.h"

namespace engine {

// Incremental: the rows of the view could be computed from the changes of its inputs. (The
// operators for this do not exist yet, so such a view is recomputed, too.) Recompute: the SELECT
// runs over all rows again. Refused: a view must not have this part.
enum class ViewClass : uint8_t { Incremental, Recompute, Refused };

struct ViewShape {
  std::string_view name;  // name of the part, as EXPLAIN and the manual show it
  ViewClass shape_class;
  std::string_view remedy = {};  // for Refused: the form to write instead
};

// All shapes, in the order of the manual's table (docs/sql/materialized-views.md).
std::span<const ViewShape> view_shapes();

// Returns the shapes in the plan, each once. Fails with NotSupported for a shape that is refused.
Result<std::vector<const ViewShape*>> shapes_of(const ViewPlan& view);

// Returns columns of the result whose values together are different in all rows; nullopt if no such
// columns are known, so that rows may be equal. An empty list means that the result has at most one
// row. `key_counts` has one element for each read: the number of key columns with which the layout
// of its input begins; 0 for a stream.
struct RowIdentity {
  std::vector<size_t> columns = {};
  bool may_be_null = false;  // true if one of the columns may be null
};
std::optional<RowIdentity> identity_of(const ViewPlan& view, std::span<const size_t> key_counts);

}  // namespace engine
