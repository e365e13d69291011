// Functions on DATE, TIME and TIMESTAMP: arithmetic, time zones, and conversions from and to text.
#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/java/java_time.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

using Text = std::string_view;

constexpr int64_t floor_divided(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

// ---- State that is kept between rows ----

enum class PatternStyle : uint8_t { DateTimeFormatter, SimpleDateFormat };

template <PatternStyle style>
class Pattern {
 public:
  Result<const TimePattern*> get(Text text) {
    if (!compiled_ || compiled_->text() != text)
      compiled_ = TRY(style == PatternStyle::SimpleDateFormat ? TimePattern::compile_simple(text)
                                                              : TimePattern::compile(text));
    return &*compiled_;
  }

 private:
  std::optional<TimePattern> compiled_;
};
using JavaPattern = PerBatch<Pattern<PatternStyle::DateTimeFormatter>>;
using SimplePattern = PerBatch<Pattern<PatternStyle::SimpleDateFormat>>;

class ZoneCache {
 public:
  Result<TimeZone> get(Text id) {
    if (!zone_ || id_ != id) {
      zone_ = TRY(TimeZone::find(id));
      id_ = id;
    }
    return *zone_;
  }
  const TimeZone& system() {
    if (!system_) system_ = TimeZone::system();
    return *system_;
  }

 private:
  std::string id_;
  std::optional<TimeZone> zone_, system_;
};
using CallZones = PerBatch<ZoneCache>;

// ---- Arithmetic; a unit is its length in milliseconds or, if negative, in months ----

Error out_of_range() { return Error{ErrorCode::OutOfRange, "the time is out of range"}; }

// Moves a time by months. As in PostgreSQL, a day that the month does not have becomes its last
// day.
Result<int64_t> moved_by_months(int64_t start, int64_t months) {
  namespace chrono = std::chrono;
  constexpr auto kFirst = chrono::sys_days(chrono::year::min() / 1 / 1).time_since_epoch().count(),
                 kLast = chrono::sys_days(chrono::year::max() / 12 / 31).time_since_epoch().count();
  const int64_t days = floor_divided(start, kMsPerDay);
  if (days < kFirst || days > kLast) return out_of_range();
  const chrono::year_month_day from{chrono::sys_days(chrono::days(days))};
  const int64_t month = int64_t{static_cast<int>(from.year())} * 12 +
                        static_cast<unsigned>(from.month()) - 1 + months;
  const int64_t year = floor_divided(month, 12);
  if (year < static_cast<int>(chrono::year::min()) || year > static_cast<int>(chrono::year::max()))
    return out_of_range();
  const chrono::year_month to{chrono::year(static_cast<int>(year)),
                              chrono::month(static_cast<unsigned>(month - year * 12 + 1))};
  chrono::year_month_day end = to / from.day();
  if (!end.ok()) end = to / chrono::last;
  return chrono::sys_days(end).time_since_epoch().count() * kMsPerDay + (start - days * kMsPerDay);
}

// Returns start + unit * count in milliseconds.
Result<int64_t> moved(int64_t start, int64_t unit, int64_t count) {
  int64_t by, end;
  if (unit < 0) return moved_by_months(start, -unit * count);
  if (__builtin_mul_overflow(unit, count, &by) || __builtin_add_overflow(start, by, &end))
    return out_of_range();
  return end;
}

template <int sign>
Result<int64_t> timestamp_add(int64_t unit, int32_t count, int64_t timestamp) {
  return moved(timestamp, unit, int64_t{sign} * count);
}

template <int sign>
Result<int32_t> date_add(int64_t unit, int32_t count, int32_t date) {
  const int64_t days =
      floor_divided(TRY(moved(date * kMsPerDay, unit, int64_t{sign} * count)), kMsPerDay);
  if (days != static_cast<int32_t>(days))
    return Error{ErrorCode::OutOfRange, "the date is out of range"};
  return static_cast<int32_t>(days);
}

template <int sign>
Result<int32_t> time_add(int64_t unit, int32_t count, int32_t time) {
  const int64_t end = TRY(moved(time, unit, int64_t{sign} * count));
  return static_cast<int32_t>(end - floor_divided(end, kMsPerDay) * kMsPerDay);
}

Result<int64_t> convert_tz(CallZones& from_zones, CallZones& to_zones, int64_t timestamp, Text from,
                           Text to) {
  const TimeZone from_zone = TRY(from_zones->get(from)), to_zone = TRY(to_zones->get(to));
  return moved(timestamp, 1, to_zone.offset_ms(timestamp) - from_zone.offset_ms(timestamp));
}

// ---- Text ----

template <class Subject>
Error failed(Text act, Text kind, const Subject& subject, Text pattern, const Error& error) {
  return Error{ErrorCode::InvalidDatetime,
               fmt::format("Failed to {} {} '{}' with formatter '{}': {}", act, kind, subject,
                           pattern, error.message)};
}

template <class T, class Subject>
Result<T> explained(Result<T> result, Text act, Text kind, const Subject& subject, Text pattern) {
  if (result) return result;
  return failed(act, kind, subject, pattern, result.error());
}

Result<std::string> print_timestamp(JavaPattern& patterns, int64_t timestamp, Text pattern,
                                    const TimeZone& zone) {
  const TimePattern* compiled = TRY(patterns->get(pattern));
  return compiled->format_timestamp(timestamp, zone);
}
Result<std::string> format_timestamp_at(JavaPattern& patterns, CallZones& zones, int64_t timestamp,
                                        Text pattern, Text zone) {
  return explained(print_timestamp(patterns, timestamp, pattern, TRY(zones->get(zone))), "format",
                   "timestamp", timestamp, pattern);
}
Result<std::string> format_timestamp(JavaPattern& patterns, int64_t timestamp, Text pattern) {
  return explained(print_timestamp(patterns, timestamp, pattern, TimeZone::utc()), "format",
                   "timestamp", timestamp, pattern);
}
Result<std::string> timestamp_to_string(JavaPattern& patterns, CallZones& zones, int64_t timestamp,
                                        Text pattern) {
  return explained(print_timestamp(patterns, timestamp, pattern, zones->system()), "format",
                   "timestamp", timestamp, pattern);
}

Result<int64_t> read_timestamp(JavaPattern& patterns, Text text, Text pattern,
                               const TimeZone& zone) {
  const TimePattern* compiled = TRY(patterns->get(pattern));
  return compiled->parse_timestamp(text, zone);
}
Result<int64_t> parse_timestamp_at(JavaPattern& patterns, CallZones& zones, Text text, Text pattern,
                                   Text zone) {
  return explained(read_timestamp(patterns, text, pattern, TRY(zones->get(zone))), "parse",
                   "timestamp", text, pattern);
}
Result<int64_t> parse_timestamp(JavaPattern& patterns, Text text, Text pattern) {
  return explained(read_timestamp(patterns, text, pattern, TimeZone::utc()), "parse", "timestamp",
                   text, pattern);
}
Result<int64_t> string_to_timestamp(JavaPattern& patterns, CallZones& zones, Text text,
                                    Text pattern) {
  return explained(read_timestamp(patterns, text, pattern, zones->system()), "parse", "timestamp",
                   text, pattern);
}

Result<std::string> print_date(JavaPattern& patterns, int32_t date, Text pattern) {
  const TimePattern* compiled = TRY(patterns->get(pattern));
  return compiled->format_date(date);
}
Result<std::string> format_date(JavaPattern& patterns, int32_t date, Text pattern) {
  return explained(print_date(patterns, date, pattern), "format", "date", date, pattern);
}

Result<int32_t> read_date(SimplePattern& patterns, Text text, Text pattern) {
  const TimePattern* compiled = TRY(patterns->get(pattern));
  const int64_t ms = TRY(compiled->parse_lenient_date(text));
  if (ms % kMsPerDay != 0)
    return Error{ErrorCode::InvalidDatetime, "Date format contains time field."};
  return static_cast<int32_t>(ms / kMsPerDay);
}
Result<int32_t> parse_date(SimplePattern& patterns, Text text, Text pattern) {
  return explained(read_date(patterns, text, pattern), "parse", "date", text, pattern);
}

Result<int32_t> read_strict_date(JavaPattern& patterns, Text text, Text pattern) {
  const TimePattern* compiled = TRY(patterns->get(pattern));
  return compiled->parse_date(text);
}
Result<int32_t> string_to_date(JavaPattern& patterns, Text text, Text pattern) {
  return explained(read_strict_date(patterns, text, pattern), "parse", "date", text, pattern);
}

Result<std::string> print_time(JavaPattern& patterns, int32_t time, Text pattern) {
  const TimePattern* compiled = TRY(patterns->get(pattern));
  return compiled->format_time(time);
}
Result<std::string> format_time(JavaPattern& patterns, int32_t time, Text pattern) {
  return explained(print_time(patterns, time, pattern), "format", "time", time, pattern);
}

Result<int32_t> read_time(JavaPattern& patterns, Text text, Text pattern) {
  const TimePattern* compiled = TRY(patterns->get(pattern));
  return compiled->parse_time(text);
}
Result<int32_t> parse_time(JavaPattern& patterns, Text text, Text pattern) {
  return explained(read_time(patterns, text, pattern), "parse", "time", text, pattern);
}

// ---- Now, and numbers ----

int32_t same_int(int32_t days) { return days; }
int64_t same_bigint(int64_t ms) { return ms; }
int32_t unix_date_now(const KernelCall& call) {
  return static_cast<int32_t>(floor_divided(call.context.clock.wall_ms(), kMsPerDay));
}
int64_t unix_timestamp_now(const KernelCall& call) { return call.context.clock.wall_ms(); }

constexpr FunctionDef kDatetimeDefs[] = {
    {.name = "timestampadd",
     .signature = "(UNIT unit, INT interval, TIMESTAMP timestamp) -> TIMESTAMP",
     .doc = "The timestamp plus this number of units.",
     .example = "TIMESTAMPADD(DAYS, 1, FROM_UNIXTIME(5)) = FROM_UNIXTIME(86400005)",
     .kernel = row_kernel<timestamp_add<1>>},
    {.name = "timestampsub",
     .signature = "(UNIT unit, INT interval, TIMESTAMP timestamp) -> TIMESTAMP",
     .doc = "The timestamp minus this number of units.",
     .example = "TIMESTAMPSUB(MILLISECONDS, 10, FROM_UNIXTIME(20)) = FROM_UNIXTIME(10)",
     .kernel = row_kernel<timestamp_add<-1>>},
    {.name = "dateadd",
     .signature = "(UNIT unit, INT interval, DATE date) -> DATE",
     .doc = "The date plus this number of units; a day that the month does not have becomes its "
            "last day.",
     .example = "DATEADD(DAYS, 10, FROM_DAYS(10)) = FROM_DAYS(20)",
     .kernel = row_kernel<date_add<1>>},
    {.name = "datesub",
     .signature = "(UNIT unit, INT interval, DATE date) -> DATE",
     .doc = "The date minus this number of units.",
     .example = "DATESUB(HOURS, 1, FROM_DAYS(10)) = FROM_DAYS(9)",
     .kernel = row_kernel<date_add<-1>>},
    {.name = "timeadd",
     .signature = "(UNIT unit, INT interval, TIME time) -> TIME",
     .doc = "The time of day plus this number of units, modulo 24 hours.",
     .example = "TIMEADD(HOURS, 2, PARSE_TIME('23:00', 'HH:mm')) = PARSE_TIME('01:00', 'HH:mm')",
     .kernel = row_kernel<time_add<1>>},
    {.name = "timesub",
     .signature = "(UNIT unit, INT interval, TIME time) -> TIME",
     .doc = "The time of day minus this number of units, modulo 24 hours.",
     .example = "TIMESUB(HOURS, 2, PARSE_TIME('01:00', 'HH:mm')) = PARSE_TIME('23:00', 'HH:mm')",
     .kernel = row_kernel<time_add<-1>>},
    {.name = "convert_tz",
     .signature = "(TIMESTAMP timestamp, STRING from_timezone, STRING to_timezone) -> TIMESTAMP",
     .doc = "Moves a local time from one time zone to another.",
     .example = "CONVERT_TZ(FROM_UNIXTIME(0), 'UTC', '+01:00') = FROM_UNIXTIME(3600000)",
     .kernel = row_kernel<convert_tz>},
    {.name = "format_timestamp",
     .signature = "(TIMESTAMP timestamp, STRING format_pattern) -> STRING",
     .doc = "A point in time as text in UTC or in the given time zone, by a Java date pattern.",
     .example = "FORMAT_TIMESTAMP(FROM_UNIXTIME(0), 'yyyy-MM-dd HH:mm') = '1970-01-01 00:00'",
     .kernel = row_kernel<format_timestamp>},
    {.name = "format_timestamp",
     .signature = "(TIMESTAMP timestamp, STRING format_pattern, STRING time_zone) -> STRING",
     .doc = "A point in time as text in a time zone, by a Java date pattern.",
     .example = "FORMAT_TIMESTAMP(FROM_UNIXTIME(0), 'HH:mm zzz', 'America/Los_Angeles') = "
                "'16:00 PST'",
     .kernel = row_kernel<format_timestamp_at>},
    {.name = "format_date",
     .signature = "(DATE date, STRING format_pattern) -> STRING",
     .doc = "A date as text, by a Java date pattern.",
     .example = "FORMAT_DATE(FROM_DAYS(18993), 'dd-MMM-yyyy') = '01-Jan-2022'",
     .kernel = row_kernel<format_date>},
    {.name = "format_time",
     .signature = "(TIME time, STRING format_pattern) -> STRING",
     .doc = "A time of day as text, by a Java date pattern.",
     .example = "FORMAT_TIME(PARSE_TIME('23:59', 'HH:mm'), 'h:mm a') = '11:59 PM'",
     .kernel = row_kernel<format_time>},
    {.name = "parse_timestamp",
     .signature = "(STRING formatted_timestamp, STRING format_pattern) -> TIMESTAMP",
     .doc = "Reads a point in time from a text in UTC or in the given time zone, by a Java date "
            "pattern.",
     .example = "PARSE_TIMESTAMP('1970-01-01 00:01', 'yyyy-MM-dd HH:mm') = FROM_UNIXTIME(60000)",
     .kernel = row_kernel<parse_timestamp>},
    {.name = "parse_timestamp",
     .signature = "(STRING formatted_timestamp, STRING format_pattern, STRING time_zone) -> "
                  "TIMESTAMP",
     .doc = "The timestamp of a text in a time zone; a zone in the text takes precedence.",
     .example = "PARSE_TIMESTAMP('1970-01-01 01:00', 'yyyy-MM-dd HH:mm', 'Europe/Paris') = "
                "FROM_UNIXTIME(0)",
     .kernel = row_kernel<parse_timestamp_at>},
    {.name = "parse_date",
     .signature = "(STRING formatted_date, STRING format_pattern) -> DATE",
     .doc = "Reads a date from a text, by a pattern of Java's SimpleDateFormat.",
     .example = "PARSE_DATE('JAN-2022', 'MMM-yyyy') = FROM_DAYS(18993)",
     .kernel = row_kernel<parse_date>},
    {.name = "parse_time",
     .signature = "(STRING formatted_time, STRING format_pattern) -> TIME",
     .doc = "Reads a time of day from a text, by a Java date pattern.",
     .example = "PARSE_TIME('9:05 pm', 'h:mm a') = PARSE_TIME('21:05', 'HH:mm')",
     .kernel = row_kernel<parse_time>},
    {.name = "from_days",
     .signature = "(INT days!) -> DATE",
     .doc = "The date that is this number of days after 1970-01-01.",
     .example = "FROM_DAYS(1) = PARSE_DATE('1970-01-02', 'yyyy-MM-dd')",
     .kernel = row_kernel<same_int>},
    {.name = "from_unixtime",
     .signature = "(BIGINT epoch_milli) -> TIMESTAMP",
     .doc = "The timestamp that is this number of milliseconds after 1970-01-01T00:00 UTC.",
     .example = "UNIX_TIMESTAMP(FROM_UNIXTIME(1234)) = 1234",
     .kernel = row_kernel<same_bigint>},
    {.name = "unix_date",
     .signature = "() -> INT",
     .doc = "The date, or today in UTC, as days since 1970-01-01.",
     .example = "UNIX_DATE() = UNIX_TIMESTAMP() / 86400000",
     .kernel = row_kernel<unix_date_now>,
     .is_deterministic = false},
    {.name = "unix_date",
     .signature = "(DATE date) -> INT",
     .doc = "A date as days since 1970-01-01.",
     .example = "UNIX_DATE(FROM_DAYS(7)) = 7",
     .kernel = row_kernel<same_int>},
    {.name = "unix_timestamp",
     .signature = "() -> BIGINT",
     .doc = "The timestamp, or the current time, as milliseconds since 1970-01-01T00:00 UTC.",
     .example = "UNIX_TIMESTAMP() > 0",
     .kernel = row_kernel<unix_timestamp_now>,
     .is_deterministic = false},
    {.name = "unix_timestamp",
     .signature = "(TIMESTAMP timestamp) -> BIGINT",
     .doc = "A point in time as milliseconds since 1970-01-01T00:00 UTC.",
     .example = "UNIX_TIMESTAMP(FROM_UNIXTIME(1234)) = 1234",
     .kernel = row_kernel<same_bigint>},
    {.name = "datetostring",
     .signature = "(INT epoch_days!, STRING format_pattern) -> STRING",
     .doc = "Days since 1970 as text; use FORMAT_DATE instead.",
     .example = "DATETOSTRING(18993, 'yyyy-MM-dd') = '2022-01-01'",
     .kernel = row_kernel<format_date>},
    {.name = "stringtodate",
     .signature = "(STRING formatted_date, STRING format_pattern) -> INT",
     .doc = "A text as days since 1970; use PARSE_DATE instead.",
     .example = "STRINGTODATE('11/05/2019', 'dd/MM/yyyy') = 18027",
     .kernel = row_kernel<string_to_date>},
    {.name = "stringtotimestamp",
     .signature = "(STRING formatted_timestamp, STRING format_pattern) -> BIGINT",
     .doc = "A text in the system's time zone as milliseconds since 1970; use PARSE_TIMESTAMP "
            "instead.",
     .example = "STRINGTOTIMESTAMP('1970-01-01T00:00:01Z', 'yyyy-MM-dd''T''HH:mm:ssX') = 1000",
     .kernel = row_kernel<string_to_timestamp>},
    {.name = "stringtotimestamp",
     .signature = "(STRING formatted_timestamp, STRING format_pattern, STRING time_zone) -> BIGINT",
     .doc = "A text in a time zone as milliseconds; PARSE_TIMESTAMP has replaced it.",
     .example = "STRINGTOTIMESTAMP('1970-01-01 01', 'yyyy-MM-dd HH', 'Europe/Paris') = 0",
     .kernel = row_kernel<parse_timestamp_at>},
    {.name = "timestamptostring",
     .signature = "(BIGINT epoch_milli!, STRING format_pattern) -> STRING",
     .doc =
         "Milliseconds since 1970 as text in the system's time zone; use FORMAT_TIMESTAMP instead.",
     .example = "LEN(TIMESTAMPTOSTRING(0, 'HH:mm')) = 5",
     .kernel = row_kernel<timestamp_to_string>},
    {.name = "timestamptostring",
     .signature = "(BIGINT epoch_milli!, STRING format_pattern, STRING time_zone) -> STRING",
     .doc = "Milliseconds as text in a time zone; FORMAT_TIMESTAMP has replaced it.",
     .example = "TIMESTAMPTOSTRING(0, 'yyyy-MM-dd', 'UTC') = '1970-01-01'",
     .kernel = row_kernel<format_timestamp_at>},
};

}  // namespace

const FunctionFamily kDatetimeFunctions{"DATE AND TIME", kDatetimeDefs};

}  // namespace engine
