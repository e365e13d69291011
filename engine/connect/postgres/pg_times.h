// Converts PostgreSQL's texts of dates, times and intervals to numbers, and back.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace engine {

// All functions fail with InvalidText. The texts must have DateStyle ISO. A year before 1 has the
// suffix " BC".

// Returns days since 1970-01-01.
Result<int64_t> pg_date_days(std::string_view text);
// Returns the microseconds since midnight in a text such as "12:34:56.789". 24:00:00 is possible.
Result<int64_t> pg_time_us(std::string_view text);
// Returns the microseconds since 1970-01-01 00:00:00 in a text such as "2024-05-06 12:34:56.789",
// with or without an offset such as "+00" at the end.
Result<int64_t> pg_timestamp_us(std::string_view text);
// Returns the microseconds since midnight in UTC in a text such as "12:34:56.789+02".
Result<int64_t> pg_timetz_us(std::string_view text);

struct PgInterval {
  int64_t months = 0, days = 0, us = 0;
};
// Reads IntervalStyle iso_8601: "P1Y2M3DT4H5M6.7S".
Result<PgInterval> pg_interval(std::string_view text);

// The texts that PostgreSQL reads: "2024-05-06" of days since 1970-01-01, "12:34:56.789" of microseconds since midnight,
// and "2024-05-06 12:34:56.789+00" of microseconds since 1970-01-01 00:00:00 in UTC. A column without time zone ignores
// the offset.
std::string pg_date_text(int64_t days);
std::string pg_time_text(int64_t us_of_day);
std::string pg_timestamp_text(int64_t us);

// Returns "2024-05-06T12:34:56.789Z". The fraction has three, six or nine digits, without groups of zeros at the end.
std::string zoned_timestamp_text(int64_t us);
std::string zoned_time_text(int64_t us_of_day);

}  // namespace engine
