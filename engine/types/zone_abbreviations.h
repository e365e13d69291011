// The abbreviations of time zones that PostgreSQL accepts by default.
#pragma once
#include <optional>
#include <string_view>

namespace engine {

// Returns the minutes east of Greenwich for an abbreviation in any letter case; nothing for other
// texts.
std::optional<int> minutes_east_of(std::string_view abbreviation);

}  // namespace engine
