// Dates as drivers write them.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace engine {

// Days since 1970. 2024-02-29, also with a time or a zone behind it, which are passed over; nothing for other texts.
std::optional<int32_t> parse_plain_days(std::string_view text);

}  // namespace engine
