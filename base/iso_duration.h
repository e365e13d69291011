// Lengths of time as ISO 8601 writes them.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/result.h"

// "P1DT2H30M4S" in milliseconds: whole days, hours, minutes and seconds, and none of months or years, whose lengths
// differ. Fails with InvalidParameter, also when it is longer than can be told.
Result<int64_t> parse_iso_duration(std::string_view text);
