// Parses dates in the notation of drivers.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace engine {

// Parses a date such as 2024-02-29 and returns the days since 1970; nothing for other texts. A time or a zone after the
// date is ignored.
std::optional<int32_t> parse_plain_days(std::string_view text);

}  // namespace engine
