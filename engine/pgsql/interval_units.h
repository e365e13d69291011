// INTERVAL '3' MONTH: the units after an interval's text.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/pgsql/tree.h"

namespace engine::pgsql {

// The equivalent text of a literal without the type's units: INTERVAL '3' MONTH is '3 mons', INTERVAL '1 10:20:30' DAY
// TO HOUR is '1 day 10:00:00'. Nothing if the type names no units. Fails with InvalidText.
Result<std::optional<std::string>> interval_of_units(std::string_view text, const Fields& type,
                                                     TextPosition at);

}  // namespace engine::pgsql
