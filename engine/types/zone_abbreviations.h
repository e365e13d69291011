// The abbreviations of time zones that PostgreSQL accepts by default.
#pragma once
#include <optional>
#include <string_view>

namespace engine {

// Minutes east of Greenwich; accepts any letter case. Nothing for other texts.
std::optional<int> minutes_east_of(std::string_view abbreviation);

}  // namespace engine
