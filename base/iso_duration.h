// Parses durations in the format of ISO 8601.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/result.h"

// Returns the duration in milliseconds. The text has whole days, hours, minutes and seconds
// ("P1DT2H30M4S"); months and years are refused, because their lengths differ. Fails with
// InvalidParameter, also if the milliseconds do not fit into 64 bits.
Result<int64_t> parse_iso_duration(std::string_view text);
