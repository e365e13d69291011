// Converts texts to the normal forms of those PostgreSQL types that are kept as text. The normal
// form is the text that PostgreSQL itself would print, in ISO style and in UTC. Each function fails
// with "invalid input syntax for type ..." or another message of PostgreSQL.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/types/text_forms.h"

namespace engine {

Error invalid_text(std::string_view type, std::string_view text);

Result<std::string> normal_uuid(std::string_view text);
Result<std::string> normal_bits(std::string_view text);

// The following functions are in postgres_text_json.cc. json is only validated; jsonb gets one blank after `:` and `,`,
// and keys sorted by length and then by bytes.
Result<std::string> checked_json(std::string_view text);
Result<std::string> normal_jsonb(std::string_view text);
// Returns the jsonb text without trailing zeros in numbers. Two parts of such texts are equal if
// and only if their values are.
std::string shortest_jsonb(std::string_view jsonb);
// Returns a text whose order by bytes is PostgreSQL's order of the jsonb values.
std::string comparable_jsonb(std::string_view jsonb);

// The following functions are in postgres_text_number.cc. The normal form has the digits as written, without an
// exponent, or is NaN, Infinity or -Infinity.
Result<std::string> normal_numeric(std::string_view text);
// Returns the number without trailing zeros in the fraction.
std::string shortest_numeric(std::string_view numeric);
// Returns a text whose order by bytes is the order of the numbers. Equal numbers have equal texts, and NaN is above all
// other numbers.
std::string comparable_numeric(std::string_view numeric);
// Compares two numbers in the form of normal_numeric(): returns a negative number, 0, or a positive number.
int compare_numeric(std::string_view a, std::string_view b);

// Unless another file is named, the following functions are in postgres_text_time.cc.
struct Interval {
  int64_t us = 0;
  int32_t days = 0, months = 0;
};
// Parses an interval in any style. With the style sql_standard, a leading sign applies to all parts, unless another
// part has a sign.
Result<Interval> parse_interval(std::string_view text,
                                IntervalStyle style = IntervalStyle::Postgres);
std::string interval_text(const Interval& interval);
Result<std::string> normal_interval(std::string_view text);
// Compute with intervals (postgres_time_math.cc). Fail with InvalidTimestamp if the result is out of range. Months are
// added first, then days; a day beyond the end of the resulting month becomes its last day.
Result<Interval> plus(const Interval& a, const Interval& b);
Result<Interval> times(const Interval& interval, double factor);
Result<Interval> divided(const Interval& interval, double divisor);  // `divisor` must not be 0
Result<int64_t> plus(int64_t instant_us, const Interval& interval);
// Returns the difference of two points in time as days and the remaining time.
Result<Interval> instants_apart(int64_t later_us, int64_t earlier_us);
Interval opposite(const Interval& interval);

// Parses a boolean in any letter case: true, yes, on or 1, and false, no, off or 0. Unambiguous prefixes of the words
// are accepted, too. Returns nothing for other texts. (postgres_text_number.cc)
std::optional<bool> parse_boolean_of_postgres(std::string_view text);

// Returns a text of fixed length whose order by bytes is the order of the intervals.
std::string comparable_interval(std::string_view interval);

// Microseconds of a day, and seconds east of Greenwich.
struct TimeWithZone {
  int64_t us = 0;
  int32_t east_s = 0;
};
Result<TimeWithZone> parse_timetz(std::string_view text);
std::string timetz_text(const TimeWithZone& time);
Result<std::string> normal_timetz(std::string_view text);

// A point in time in microseconds since 1970; the ends of the range of int64 are the infinities.
inline constexpr int64_t kMinusInfinityUs = INT64_MIN, kInfinityUs = INT64_MAX;
constexpr bool is_infinite_instant(int64_t us) {
  return us == kInfinityUs || us == kMinusInfinityUs;
}
enum class Zones : uint8_t { Kept, Dropped };  // Dropped: a timestamp ignores the zone
Result<int64_t> parse_instant_us(std::string_view text, Zones zones, std::string_view type);
std::string instant_text(int64_t us, bool with_zone);
int64_t ms_of_us(int64_t us);  // the result is rounded down
Result<std::string> normal_timestamp(std::string_view text);
Result<std::string> normal_timestamptz(std::string_view text);
// Return texts of fixed length whose order by bytes is the order of the points in time or dates.
std::string comparable_timestamp(std::string_view text);
std::string comparable_date(std::string_view text);
Result<std::string> normal_date(std::string_view text);
// Returns the microseconds of a time of day, up to 24:00. A date before the time and a zone after it are ignored.
Result<int64_t> parse_time_us(std::string_view text);
std::string time_us_text(int64_t us);
Result<std::string> normal_time(std::string_view text);
// Returns the text of a point in time without its zone. The type timestamp ignores a zone.
std::string_view without_zone(std::string_view text);
// Dates are days since 1970; the ends of the range of int32 are the infinities.
inline constexpr int32_t kMinusInfinityDays = INT32_MIN, kInfinityDays = INT32_MAX;
Result<int32_t> parse_days(std::string_view text);
std::string days_text(int32_t days);

// The following functions are in postgres_text_network.cc.
Result<std::string> normal_inet(std::string_view text);
Result<std::string> normal_cidr(std::string_view text);
Result<std::string> normal_macaddr(std::string_view text);

// The following types and functions are in postgres_text_range.cc.
enum class RangeOf : uint8_t { Int4, Int8, Numeric, Date, Timestamp, Timestamptz };
struct Range {
  bool is_empty = false, has_lower = false, has_upper = false, lower_in = false, upper_in = false;
  std::string lower, upper;
};
// Parses a range. If `size` is not null, `text` may continue after the range; `size` is then set to
// the size of the range's text.
Result<Range> parse_range(std::string_view text, size_t* size, std::string_view type);
// Returns the range in the canonical form of its element type. Fails with InvalidText and InvalidParameter.
Result<Range> normal_range(Range range, RangeOf of);
std::string range_text(const Range& range);
template <RangeOf of>
Result<std::string> normal_range_text(std::string_view text);
template <RangeOf of>
Result<std::string> normal_multirange_text(std::string_view text);
std::string comparable_numrange(std::string_view text);

}  // namespace engine
