#include "engine/connect/postgres/pg_times.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <optional>

namespace engine {

namespace {

constexpr int64_t kUsOfSecond = 1'000'000;
constexpr int64_t kUsOfMinute = 60 * kUsOfSecond;
constexpr int64_t kUsOfHour = 60 * kUsOfMinute;
constexpr int64_t kUsOfDay = 24 * kUsOfHour;

Error no_time(std::string_view text) {
  return {ErrorCode::InvalidText, fmt::format("\"{}\" is not a time of PostgreSQL", text)};
}

// Reads a number from the front of the text.
std::optional<int64_t> take_number(std::string_view& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// Reads the digits after a point from the front of the text, as microseconds.
int64_t take_fraction(std::string_view& text) {
  int64_t us = 0;
  int digits = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    if (digits < 6) {
      us = us * 10 + (text[0] - '0');
      ++digits;
    }
    text.remove_prefix(1);
  }
  for (; digits < 6; ++digits) us *= 10;
  return us;
}

std::optional<int64_t> take_time(std::string_view& text) {
  const auto hours = take_number(text);
  if (!hours || !take(text, ':')) return std::nullopt;
  const auto minutes = take_number(text);
  if (!minutes || !take(text, ':')) return std::nullopt;
  const auto seconds = take_number(text);
  if (!seconds) return std::nullopt;
  const int64_t us = *hours * kUsOfHour + *minutes * kUsOfMinute + *seconds * kUsOfSecond;
  return us + (take(text, '.') ? take_fraction(text) : 0);
}

std::optional<int64_t> take_days(std::string_view& text, bool is_before_christ) {
  const auto year = take_number(text);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_number(text);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_number(text);
  if (!day || *month < 1 || *month > 12) return std::nullopt;
  // std::chrono::year ends at 32767, and PostgreSQL's years end at 294276. The year is therefore reduced by multiples
  // of 400, after which the calendar repeats.
  constexpr int64_t kYearsOfCycle = 400, kDaysOfCycle = 146'097;
  const int64_t of_era = is_before_christ ? 1 - *year : *year;
  const int64_t cycles = (of_era >= 0 ? of_era : of_era - (kYearsOfCycle - 1)) / kYearsOfCycle;
  const std::chrono::year_month_day date(
      std::chrono::year(static_cast<int>(of_era - cycles * kYearsOfCycle)),
      std::chrono::month(static_cast<unsigned>(*month)),
      std::chrono::day(static_cast<unsigned>(*day)));
  return std::chrono::sys_days(date).time_since_epoch().count() + cycles * kDaysOfCycle;
}

bool take_era(std::string_view& text) {
  constexpr std::string_view kBeforeChrist = " BC";
  if (!text.ends_with(kBeforeChrist)) return false;
  text.remove_suffix(kBeforeChrist.size());
  return true;
}

// Reads "+02", "-03:30" or "+01:02:03" from the front of the text, as microseconds. No text means 0.
std::optional<int64_t> take_offset(std::string_view& text) {
  if (text.empty()) return 0;
  const bool is_negative = text[0] == '-';
  text.remove_prefix(1);
  int64_t us = 0;
  for (const int64_t unit : {kUsOfHour, kUsOfMinute, kUsOfSecond}) {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    us += *number * unit;
    if (!take(text, ':')) break;
  }
  return is_negative ? -us : us;
}

}  // namespace

Result<int64_t> pg_date_days(std::string_view text) {
  std::string_view rest = text;
  const bool is_before_christ = take_era(rest);
  const auto days = take_days(rest, is_before_christ);
  if (!days || !rest.empty()) return no_time(text);
  return *days;
}

Result<int64_t> pg_time_us(std::string_view text) {
  std::string_view rest = text;
  const auto us = take_time(rest);
  if (!us || !rest.empty()) return no_time(text);
  return *us;
}

Result<int64_t> pg_timestamp_us(std::string_view text) {
  std::string_view rest = text;
  const bool is_before_christ = take_era(rest);
  const auto days = take_days(rest, is_before_christ);
  if (!days || !take(rest, ' ')) return no_time(text);
  const auto us = take_time(rest);
  if (!us) return no_time(text);
  const auto offset = take_offset(rest);
  if (!offset || !rest.empty()) return no_time(text);
  return *days * kUsOfDay + *us - *offset;
}

Result<int64_t> pg_timetz_us(std::string_view text) {
  std::string_view rest = text;
  const auto us = take_time(rest);
  if (!us) return no_time(text);
  const auto offset = take_offset(rest);
  if (!offset || !rest.empty()) return no_time(text);
  return ((*us - *offset) % kUsOfDay + kUsOfDay) % kUsOfDay;
}

Result<PgInterval> pg_interval(std::string_view text) {
  std::string_view rest = text;
  PgInterval interval;
  bool is_time = false;
  if (!take(rest, 'P')) return no_time(text);
  while (!rest.empty()) {
    if (take(rest, 'T')) {
      is_time = true;
      continue;
    }
    const bool is_negative = rest[0] == '-';
    const auto number = take_number(rest);
    if (!number) return no_time(text);
    int64_t us = *number * kUsOfSecond;
    if (take(rest, '.')) us += is_negative ? -take_fraction(rest) : take_fraction(rest);
    if (rest.empty()) return no_time(text);
    const char unit = rest[0];
    rest.remove_prefix(1);
    if (!is_time && unit == 'Y')
      interval.months += *number * 12;
    else if (!is_time && unit == 'M')
      interval.months += *number;
    else if (!is_time && unit == 'D')
      interval.days += *number;
    else if (is_time && unit == 'H')
      interval.us += *number * kUsOfHour;
    else if (is_time && unit == 'M')
      interval.us += *number * kUsOfMinute;
    else if (is_time && unit == 'S')
      interval.us += us;
    else
      return no_time(text);
  }
  return interval;
}

namespace {

// Splits a number of days since 1970-01-01. std::chrono has years of 16 bits only, so the date is computed within its
// cycle of 400 years.
struct PgCivilDate {
  int64_t year;
  unsigned month, day;
};
PgCivilDate civil_date(int64_t days) {
  constexpr int64_t kYearsOfCycle = 400, kDaysOfCycle = 146'097;
  const int64_t cycles = (days >= 0 ? days : days - (kDaysOfCycle - 1)) / kDaysOfCycle;
  const std::chrono::year_month_day date(
      std::chrono::sys_days(std::chrono::days(days - cycles * kDaysOfCycle)));
  return {static_cast<int>(date.year()) + cycles * kYearsOfCycle,
          static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day())};
}

int64_t day_of(int64_t us) { return (us >= 0 ? us : us - (kUsOfDay - 1)) / kUsOfDay; }

std::string time_text(int64_t us_of_day) {
  const int64_t fraction = us_of_day % kUsOfSecond;
  const int64_t seconds = us_of_day / kUsOfSecond;
  std::string text =
      fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (fraction % 1'000 != 0)
    text += fmt::format(".{:06}", fraction);
  else if (fraction != 0)
    text += fmt::format(".{:03}", fraction / 1'000);
  return text;
}

// PostgreSQL has no year 0: the year before 1 is "0001 BC".
std::string date_text(const PgCivilDate& date, std::string_view time) {
  return fmt::format("{:04}-{:02}-{:02}{}{}", date.year > 0 ? date.year : 1 - date.year, date.month,
                     date.day, time, date.year > 0 ? "" : " BC");
}

}  // namespace

std::string pg_date_text(int64_t days) { return date_text(civil_date(days), ""); }

std::string pg_time_text(int64_t us_of_day) { return time_text(us_of_day); }

std::string pg_timestamp_text(int64_t us) {
  const int64_t days = day_of(us);
  return date_text(civil_date(days), fmt::format(" {}+00", time_text(us - days * kUsOfDay)));
}

std::string zoned_time_text(int64_t us_of_day) { return time_text(us_of_day) + "Z"; }

std::string zoned_timestamp_text(int64_t us) {
  const int64_t days = day_of(us);
  const auto [year, month, day] = civil_date(days);
  // Years of more than four digits have a sign, as in ISO 8601 and java.time.
  const std::string shown = year > 9'999 ? fmt::format("+{}", year)
                            : year < 0   ? fmt::format("-{:04}", -year)
                                         : fmt::format("{:04}", year);
  return fmt::format("{}-{:02}-{:02}T{}", shown, month, day, zoned_time_text(us - days * kUsOfDay));
}

}  // namespace engine
