// Dates and points in time as PostgreSQL's users write them: 1/8/1999, 8.1.1999, Jan 8 1999, 19990108, Mon Jul 01 10:00:00 2024 CEST.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/types/text_forms.h"

namespace engine {

// The same in ISO form (1999-01-08, 2024-07-01 10:00:00+02, with BC behind it), which all else reads. Nothing where it is in this
// form already, or no date that is known here: that is for others to refuse. Fails with InvalidTimestamp where it has the parts of a
// date, but there is no such day, or not in this order.
Result<std::optional<std::string>> iso_of_written(std::string_view text, DateOrder order);

}  // namespace engine
