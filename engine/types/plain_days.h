// Dates in the notation of drivers.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace engine {

// Days since 1970 for 2024-02-29; a time or a zone after the date is ignored. Nothing for other texts.
std::optional<int32_t> parse_plain_days(std::string_view text);

}  // namespace engine
