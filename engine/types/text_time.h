// Converts DATE, TIME and TIMESTAMP from and to text (ISO 8601, UTC), and computes with dates of
// the proleptic Gregorian calendar.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace engine {

inline constexpr int64_t kMsPerSecond = 1000, kMsPerMinute = 60 * kMsPerSecond,
                         kMsPerHour = 60 * kMsPerMinute, kMsPerDay = 24 * kMsPerHour;

struct CivilDate {
  int64_t year = 1970;
  int month = 1, day = 1;  // both count from 1
  bool operator==(const CivilDate&) const = default;
};

// Converts between a valid date and days since 1970-01-01.
int64_t days_from_civil(CivilDate date);
CivilDate civil_from_days(int64_t days);
bool is_leap_year(int64_t year);
int days_in_month(int64_t year, int month);
bool is_valid(CivilDate date);
// Returns the day of the week: Monday is 1, Sunday 7.
int day_of_week(int64_t days);

// Splits ms since 1970 into days (rounded down) and the ms of that day.
struct DayTime {
  int64_t days;
  int64_t ms_of_day;
};
DayTime split_timestamp(int64_t ms);

// Appends a date such as "2024-01-02"; years beyond 9999 get a sign, as in ISO 8601.
void append_date(std::string& out, int64_t days);
// Appends "10:20" or "10:20:30". Seconds are omitted if they are zero, milliseconds always.
void append_time(std::string& out, int64_t ms_of_day);
// Appends "10:20:30" and, if they are not zero, milliseconds such as ".678".
void append_time_full(std::string& out, int64_t ms_of_day);
// Appends a timestamp such as "2024-01-02T03:04:05.678".
void append_timestamp(std::string& out, int64_t ms);

// Parses yyyy[-MM[-dd]] to days since 1970; missing parts are 01.
std::optional<int32_t> parse_date(std::string_view text);
// Parses HH:mm[:ss[.S...]] to ms of the day; digits below the millisecond are dropped.
std::optional<int32_t> parse_time(std::string_view text);
// Parses yyyy[-MM[-dd['T'[HH[:mm[:ss[.S...]]]]]]] with an optional zone Z, +hh, +hhmm or +hh:mm after the time, to ms
// since 1970, UTC. Also accepts the notation of PostgreSQL's users: a blank instead of T, a blank before the zone, UTC
// as the zone.
std::optional<int64_t> parse_timestamp(std::string_view text);
// Parses an offset from UTC to ms: Z, +hh, +hhmm or +hh:mm, up to 18 hours.
std::optional<int64_t> parse_zone_offset(std::string_view text);

}  // namespace engine
