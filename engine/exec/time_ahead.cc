#include "engine/exec/time_ahead.h"

#include <absl/strings/numbers.h>

#include <string>

#include "engine/types/time_math.h"

namespace engine {

namespace {

// Returns the limit from the property. The planner has rejected values that are not numbers.
int64_t limit_of(const EvalContext& eval) {
  int64_t ms = -1;
  const std::string_view text = eval.property(std::string(TimeAhead::kProperty), "-1");
  return absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &ms) ? ms : -1;
}

}  // namespace

TimeAhead::TimeAhead(const EvalContext& eval) : eval_(eval), limit_ms_(limit_of(eval)) {}

bool TimeAhead::is_too_far(int64_t timestamp) const {
  return limit_ms_ >= 0 && timestamp > saturating_add(eval_.clock.wall_ms(), limit_ms_);
}

}  // namespace engine
