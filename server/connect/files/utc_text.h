// Times of files as texts.
#pragma once
#include <cstdint>
#include <string>

namespace server {

// Returns the time in UTC, for example "2023-11-14T22:13:20.000Z", as Kafka Connect's SimpleHeaderConverter writes a
// Timestamp. `epoch_ms` is in milliseconds since 1970-01-01 UTC.
std::string utc_text(int64_t epoch_ms);
// Returns the day of the time, for example "2023-11-14".
std::string utc_day(int64_t epoch_ms);

}  // namespace server
