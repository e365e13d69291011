// What abbreviations of time zones mean in a text: those that PostgreSQL knows by itself.
#pragma once
#include <optional>
#include <string_view>

namespace engine {

// Minutes east of Greenwich, in any case of letters; nothing for others.
std::optional<int> minutes_east_of(std::string_view abbreviation);

}  // namespace engine
