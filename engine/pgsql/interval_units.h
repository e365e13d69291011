// Applies units that follow the text of an interval, as in INTERVAL '3' MONTH.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/pgsql/tree.h"

namespace engine::pgsql {

// Returns a text with the same meaning that needs no units after it: '3 mons' for INTERVAL '3'
// MONTH, '1 day 10:00:00' for INTERVAL '1 10:20:30' DAY TO HOUR. Returns nothing if the type names
// no units. Fails with InvalidText.
Result<std::optional<std::string>> interval_of_units(std::string_view text, const Fields& type,
                                                     TextPosition at);

}  // namespace engine::pgsql
