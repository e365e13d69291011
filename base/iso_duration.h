// Durations in the format of ISO 8601.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/result.h"

// Returns "P1DT2H30M4S" in milliseconds: whole days, hours, minutes and seconds, but no months or
// years, whose lengths differ. Fails with InvalidParameter, also if the duration is too long for
// the result.
Result<int64_t> parse_iso_duration(std::string_view text);
