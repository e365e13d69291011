// PostgreSQL's functions that make, read and compare dates, times and intervals. The times are local times in UTC or,
// over tables, in the session's zone.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <string>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/functions/scalar/time_units.h"
#include "engine/functions/session_zone.h"
#include "engine/java/postgres_zone.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_time.h"
#include "engine/types/zone_abbreviations.h"
#include "engine/types/zoned_texts.h"

namespace engine {

namespace {

using Text = std::string_view;

Result<SqlType> interval_type(std::span<const SqlType>) {
  return SqlType(TypeKind::String).labelled(label::kInterval);
}

// ---- AGE

struct Clock {
  CivilDate date;
  int64_t ms;  // milliseconds of the day
};
Clock clock_of(int64_t ms) {
  int64_t days = ms / kMsPerDay, rest = ms % kMsPerDay;
  if (rest < 0) --days, rest += kMsPerDay;
  return {civil_from_days(days), rest};
}

// Returns the years, months, days and the remaining time between two times. Missing days are borrowed from the month of
// the earlier time.
Interval age_of(int64_t later, int64_t earlier) {
  const bool is_negative = later < earlier;
  const Clock a = clock_of(later), b = clock_of(earlier);
  int64_t months = (a.date.year - b.date.year) * 12 + a.date.month - b.date.month;
  int64_t days = a.date.day - b.date.day, ms = a.ms - b.ms;
  if (is_negative) months = -months, days = -days, ms = -ms;
  if (ms < 0) {
    ms += kMsPerDay;
    --days;
  }
  if (days < 0) {
    const CivilDate& first = is_negative ? a.date : b.date;
    days += days_in_month(first.year, first.month);
    --months;
  }
  Interval age{ms * 1'000, static_cast<int32_t>(days), static_cast<int32_t>(months)};
  return is_negative ? opposite(age) : age;
}
std::string age(int64_t later, int64_t earlier) { return interval_text(age_of(later, earlier)); }
std::string age_of_dates(int32_t later, int32_t earlier) {
  return age(later * kMsPerDay, earlier * kMsPerDay);
}
// Returns the age of `earlier` at the midnight at which the current day began.
std::string age_until_today(const KernelCall& call, int64_t earlier) {
  const ZoneClockPtr zone = session_zone(call.context);
  const int64_t now = clock_of_instant(zone.get(), call.context.clock.wall_ms());
  return age(now - now % kMsPerDay, earlier);
}
std::string age_of_date(const KernelCall& call, int32_t earlier) {
  return age_until_today(call, earlier * kMsPerDay);
}

// ---- MAKE_DATE and similar functions

Error field_out_of_range(const char* what) {
  return {ErrorCode::InvalidTimestamp, std::string(what) + " field value out of range"};
}

Result<int32_t> make_date(int32_t year, int32_t month, int32_t day) {
  // Year 0 does not exist: year -1 precedes year 1.
  const int64_t astronomical = year < 0 ? int64_t{year} + 1 : year;
  const bool is_valid = year != 0 && year >= -4713 && year <= 5'874'897 && month >= 1 &&
                        month <= 12 && day >= 1 && day <= days_in_month(astronomical, month);
  if (!is_valid) return field_out_of_range("date");
  return static_cast<int32_t>(days_from_civil({astronomical, month, day}));
}

Result<int32_t> make_time(int32_t hour, int32_t minute, double seconds) {
  const bool is_valid =
      hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && seconds >= 0 && seconds <= 60;
  if (!is_valid) return field_out_of_range("time");
  const int64_t ms = hour * kMsPerHour + minute * kMsPerMinute + std::llround(seconds * 1e3);
  return static_cast<int32_t>(std::min(ms, kMsPerDay - 1));
}

Result<int64_t> make_timestamp(int32_t year, int32_t month, int32_t day, int32_t hour,
                               int32_t minute, double seconds) {
  const int32_t days = TRY(make_date(year, month, day));
  const int32_t ms = TRY(make_time(hour, minute, seconds));
  return days * kMsPerDay + ms;
}

Result<int64_t> make_timestamptz(const KernelCall& call, PerBatch<CallZone>& zones, int32_t year,
                                 int32_t month, int32_t day, int32_t hour, int32_t minute,
                                 double seconds) {
  const int64_t clock = TRY(make_timestamp(year, month, day, hour, minute, seconds));
  return instant_of_clock(zones->of(call), clock);
}

// Converts seconds since 1970 to milliseconds.
Result<int64_t> from_epoch(double seconds) {
  constexpr double kMost = 9e12;
  if (!(std::fabs(seconds) < kMost))
    return Error{ErrorCode::InvalidTimestamp, "timestamp out of range"};
  return std::llround(seconds * 1e3);
}

// ---- TO_DATE, TO_TIMESTAMP

constexpr Text kMonthNames[] = {"JANUARY",   "FEBRUARY", "MARCH",    "APRIL",
                                "MAY",       "JUNE",     "JULY",     "AUGUST",
                                "SEPTEMBER", "OCTOBER",  "NOVEMBER", "DECEMBER"};

// Reads a text by a template, piece by piece.
class TimeReader {
 public:
  explicit TimeReader(Text text) : text_(text) {}

  // Returns the offset to UTC that TZH and TZM have read; nothing if the template has neither.
  std::optional<int64_t> east_ms() const {
    if (!has_zone_) return std::nullopt;
    return zone_sign_ * (zone_hour_ * kMsPerHour + zone_minute_ * kMsPerMinute);
  }

  Result<int64_t> read(Text pattern) {
    // As in PostgreSQL, the rest of the template is ignored when the text ends.
    for (size_t at = 0; at < pattern.size() && !text_.empty();) {
      const size_t size = TRY(read_pattern(pattern, at));
      if (size > 0) {
        at += size;
        continue;
      }
      // A blank or separator of the template matches any number of blanks and separators in the
      // text. Any other character skips one character of the text.
      const char c = pattern[at];
      if (c == '"') {
        for (++at; at < pattern.size() && pattern[at] != '"'; ++at) skip_one();
        ++at;
        continue;
      }
      is_separator(c) ? skip_separators() : skip_one();
      ++at;
    }
    return value();
  }

 private:
  static bool is_separator(char c) {
    return !is_ascii_letter(c) && !is_ascii_digit(c) && static_cast<unsigned char>(c) < 0x80;
  }
  void skip_one() {
    if (!text_.empty()) text_.remove_prefix(1);
  }
  void skip_separators() {
    while (!text_.empty() && is_separator(text_.front()) && text_.front() != '-' &&
           text_.front() != '+')
      skip_one();
    skipped_ = ' ';
    if (!text_.empty() && (text_.front() == '-' || text_.front() == '+')) {
      skipped_ = text_.front();
      skip_one();
    }
    while (!text_.empty() && text_.front() == ' ') skip_one();
  }

  enum class Calendar : uint8_t { Any, Gregorian, IsoWeeks };
  struct Pattern {
    Text name;
    size_t most;  // maximum number of digits
    int64_t TimeReader::*field;
    Calendar calendar = Calendar::Any;
  };
  static constexpr size_t kAnyDigits = 18;

  // Returns the number of template characters that were read; 0 if no pattern begins there.
  Result<size_t> read_pattern(Text pattern, size_t at) {
    using enum Calendar;
    // If one pattern is the beginning of another, the longer one comes first.
    static constexpr Pattern kPatterns[] = {{"IYYY", 4, &TimeReader::year_, IsoWeeks},
                                            {"IDDD", 3, &TimeReader::day_of_year_, IsoWeeks},
                                            {"IYY", 3, &TimeReader::short_year_, IsoWeeks},
                                            {"IY", 2, &TimeReader::short_year_, IsoWeeks},
                                            {"IW", 2, &TimeReader::week_, IsoWeeks},
                                            {"ID", 1, &TimeReader::day_of_week_, IsoWeeks},
                                            {"I", 1, &TimeReader::short_year_, IsoWeeks},
                                            {"YYYY", 4, &TimeReader::year_, Gregorian},
                                            {"YYY", 3, &TimeReader::short_year_, Gregorian},
                                            {"YY", 2, &TimeReader::short_year_, Gregorian},
                                            {"Y", 1, &TimeReader::short_year_, Gregorian},
                                            {"HH24", 2, &TimeReader::hour_},
                                            {"HH12", 2, &TimeReader::half_},
                                            {"HH", 2, &TimeReader::half_},
                                            {"DDD", 3, &TimeReader::day_of_year_, Gregorian},
                                            {"DD", 2, &TimeReader::day_, Gregorian},
                                            {"D", 1, &TimeReader::passed_over_, Gregorian},
                                            {"SSSSS", 5, &TimeReader::second_of_day_},
                                            {"SSSS", 5, &TimeReader::second_of_day_},
                                            {"SS", 2, &TimeReader::second_},
                                            {"MI", 2, &TimeReader::minute_},
                                            {"MM", 2, &TimeReader::month_, Gregorian},
                                            {"MS", 3, &TimeReader::fraction_},
                                            {"US", 6, &TimeReader::fraction_},
                                            {"FF1", 1, &TimeReader::fraction_},
                                            {"FF2", 2, &TimeReader::fraction_},
                                            {"FF3", 3, &TimeReader::fraction_},
                                            {"FF4", 4, &TimeReader::fraction_},
                                            {"FF5", 5, &TimeReader::fraction_},
                                            {"FF6", 6, &TimeReader::fraction_},
                                            {"WW", 2, &TimeReader::week_, Gregorian},
                                            {"W", 1, &TimeReader::week_of_month_, Gregorian},
                                            {"CC", 2, &TimeReader::century_},
                                            {"J", kAnyDigits, &TimeReader::julian_day_},
                                            {"Q", 1, &TimeReader::passed_over_}};
    const std::string rest = upper_case(pattern.substr(at, 5));
    const Text upper = rest;
    for (const Text name : {Text("Y,YYY"), Text("RM")})
      if (upper.starts_with(name))
        return Error{ErrorCode::NotSupported,
                     fmt::format("formatting field \"{}\" is only supported in to_char", name)};
    if (upper.starts_with("FM") || upper.starts_with("TH")) return size_t{2};
    if (upper.starts_with("TZH")) {
      TRY(read_zone_hour());
      return size_t{3};
    }
    if (upper.starts_with("TZM")) {
      has_zone_ = true;
      TRY(read_number({"TZM", 2, &TimeReader::zone_minute_}, 2));
      return size_t{3};
    }
    if (upper.starts_with("TZ") || upper.starts_with("OF"))
      return Error{ErrorCode::NotSupported,
                   "formatting field \"" + rest.substr(0, 2) + "\" is only supported in to_char"};
    for (const Text name : {Text("MONTH"), Text("MON")})
      if (upper.starts_with(name)) {
        TRY(set_calendar(Gregorian));
        TRY(read_month(name == "MON"));
        return name.size();
      }
    for (const Text name :
         {Text("DAY"), Text("DY")})  // ignored, since the date determines the weekday
      if (upper.starts_with(name)) {
        while (!text_.empty() && is_ascii_letter(text_.front())) skip_one();
        return name.size();
      }
    for (const Text name : {Text("AM"), Text("PM")})
      if (upper.starts_with(name)) {
        TRY(read_half_of_day());
        return size_t{2};
      }
    for (const Text name : {Text("AD"), Text("BC"), Text("A.D."), Text("B.C.")})
      if (upper.starts_with(name)) {
        TRY(read_era(name));
        return name.size();
      }
    for (const Pattern& each : kPatterns) {
      if (!upper.starts_with(each.name)) continue;
      const size_t next = at + each.name.size();
      // A number may have more digits than its pattern if no other pattern follows directly.
      const bool is_bounded = next < pattern.size() && is_ascii_letter(pattern[next]);
      const bool is_fraction = each.field == &TimeReader::fraction_;
      const size_t most = is_bounded || is_fraction ? each.most : kAnyDigits;
      TRY(set_calendar(each.calendar));
      TRY(read_number(each, most));
      return each.name.size();
    }
    return size_t{0};
  }

  Status set_calendar(Calendar calendar) {
    if (calendar == Calendar::Any) return {};
    if (calendar_ != Calendar::Any && calendar_ != calendar)
      return Error{ErrorCode::InvalidDatetime, "invalid combination of date conventions", "",
                   "Do not mix Gregorian and ISO week date conventions in a formatting template."};
    calendar_ = calendar;
    return {};
  }

  Status read_number(const Pattern& pattern, size_t most) {
    while (!text_.empty() && text_.front() == ' ') skip_one();
    // A year with a sign is BC.
    const bool is_negative = pattern.field == &TimeReader::year_ && text_.starts_with('-');
    if (is_negative) skip_one();
    size_t digits = 0;
    int64_t number = 0;
    for (; digits < most && digits < text_.size() && is_ascii_digit(text_[digits]); ++digits)
      number = number * 10 + (text_[digits] - '0');
    if (digits == 0)
      return Error{ErrorCode::InvalidDatetime, "invalid value \"" +
                                                   std::string(text_.substr(0, most)) +
                                                   "\" for \"" + std::string(pattern.name) + "\""};
    text_.remove_prefix(digits);
    if (pattern.field == &TimeReader::fraction_)
      for (size_t i = digits; i < 6; ++i) number *= 10;
    this->*pattern.field = is_negative ? -number : number;
    return {};
  }
  // Reads TZH. The sign may have been skipped as a separator.
  Status read_zone_hour() {
    has_zone_ = true;
    const bool has_sign = !text_.empty() && (text_.front() == '-' || text_.front() == '+');
    const char sign = has_sign ? text_.front() : skipped_;
    if (has_sign) skip_one();
    zone_sign_ = sign == '-' ? -1 : 1;
    return read_number({"TZH", 2, &TimeReader::zone_hour_}, 2);
  }
  Status read_month(bool is_short) {
    const std::string upper = upper_case(text_.substr(0, 9));
    for (size_t i = 0; i < std::size(kMonthNames); ++i) {
      const Text name = is_short ? kMonthNames[i].substr(0, 3) : kMonthNames[i];
      if (!upper.starts_with(name)) continue;
      month_ = static_cast<int64_t>(i) + 1;
      text_.remove_prefix(name.size());
      return {};
    }
    return Error{ErrorCode::InvalidDatetime, "invalid value \"" + std::string(text_.substr(0, 9)) +
                                                 "\" for \"" + (is_short ? "MON" : "MONTH") + "\""};
  }
  Status read_half_of_day() {
    const std::string upper = upper_case(text_.substr(0, 2));
    if (upper != "AM" && upper != "PM")
      return Error{ErrorCode::InvalidDatetime, "invalid value \"" + upper + "\" for \"AM\""};
    is_afternoon_ = upper == "PM";
    text_.remove_prefix(2);
    return {};
  }

  Status read_era(Text pattern) {
    const std::string upper = upper_case(text_.substr(0, pattern.size()));
    is_before_christ_ = upper == "BC" || upper == "B.C.";
    if (!is_before_christ_ && upper != "AD" && upper != "A.D.")
      return Error{ErrorCode::InvalidDatetime, "invalid value \"" +
                                                   std::string(text_.substr(0, pattern.size())) +
                                                   "\" for \"" + std::string(pattern) + "\""};
    text_.remove_prefix(pattern.size());
    return {};
  }

  // Returns the year, which combines the fields of the template as PostgreSQL does. Year 0 of the calendar is 1 BC, and
  // it is the result if the template names no year.
  Result<int64_t> year() const {
    int64_t year = year_;
    if (short_year_ >= 0 && century_ < 0) {
      constexpr int64_t kNearest[][2] = {{70, 2000}, {100, 1900}, {520, 2000}, {1'000, 1'000}};
      const auto* near = std::ranges::find_if(
          kNearest, [&](const int64_t(&row)[2]) { return short_year_ < row[0]; });
      year = short_year_ + (near == std::end(kNearest) ? 0 : (*near)[1]);
    } else if (century_ >= 0 && year_ == 0) {
      year = short_year_ > 0 ? (century_ - 1) * 100 + short_year_ % 100 : (century_ - 1) * 100 + 1;
    }
    if (is_before_christ_ && year > 0) year = -year;
    if (year < -4713 || year > 294'276) return field_out_of_range("date/time");
    return year < 0 ? year + 1 : year;
  }
  // Returns the Monday of the year's first week, by ISO 8601.
  static int64_t first_monday(int64_t year) {
    const int64_t fourth = days_from_civil({year, 1, 4});
    return fourth - ((fourth + 3) % 7 + 7) % 7;
  }
  Result<int64_t> days() const {
    constexpr int64_t kJulianDayOfEpoch = 2'440'588, kMostJulianDay = 2'147'483'494;
    if (julian_day_ > kMostJulianDay) return field_out_of_range("date/time");
    const int64_t year = TRY(this->year());
    const bool is_iso = calendar_ == Calendar::IsoWeeks;
    int64_t day = day_, day_of_year = day_of_year_;
    constexpr int64_t kMostWeeks = 1'000, kMostDays = 366;
    if (week_ > kMostWeeks || week_of_month_ > 5 || day_of_week_ > 7 || day_of_year > kMostDays)
      return field_out_of_range("date/time");
    if (week_ > 0 && is_iso)
      return first_monday(year) + (week_ - 1) * 7 + (day_of_week_ > 0 ? day_of_week_ - 1 : 0);
    if (week_ > 0) day_of_year = (week_ - 1) * 7 + 1;
    if (week_of_month_ > 0) day = (week_of_month_ - 1) * 7 + 1;
    if (day_of_year > 0 && year == 0 && !is_before_christ_)
      return Error{ErrorCode::InvalidDatetime,
                   "cannot calculate day of year without year information"};
    if (day_of_year > 0 && is_iso) return first_monday(year) + day_of_year - 1;
    const int64_t new_year = days_from_civil({year, 1, 1});
    if (day_of_year > days_from_civil({year + 1, 1, 1}) - new_year)
      return field_out_of_range("date/time");
    if (day_of_year > 0) return new_year + day_of_year - 1;
    if (julian_day_ > 0) return julian_day_ - kJulianDayOfEpoch;
    if (month_ < 1 || month_ > 12 || day < 1 || day > days_in_month(year, static_cast<int>(month_)))
      return field_out_of_range("date/time");
    return days_from_civil({year, static_cast<int>(month_), static_cast<int>(day)});
  }
  Result<int64_t> value() const {
    int64_t hour = hour_;
    if (half_ >= 0) {
      if (half_ < 1 || half_ > 12)
        return Error{ErrorCode::InvalidDatetime,
                     "hour \"" + std::to_string(half_) + "\" is invalid for the 12-hour clock"};
      hour = half_ % 12 + (is_afternoon_ ? 12 : 0);
    }
    if (hour > 23 || minute_ > 59 || second_ > 59 || second_of_day_ >= 86'400)
      return field_out_of_range("date/time");
    if (zone_hour_ > 15 || zone_minute_ > 59)
      return Error{ErrorCode::InvalidTimestamp, "time zone displacement out of range"};
    const int64_t days = TRY(this->days());
    int64_t ms = hour * kMsPerHour + minute_ * kMsPerMinute + second_ * kMsPerSecond;
    if (second_of_day_ >= 0) ms = second_of_day_ * kMsPerSecond;
    return days * kMsPerDay + ms + fraction_ / 1'000;
  }

  Text text_;
  Calendar calendar_ = Calendar::Any;
  int64_t year_ = 0, short_year_ = -1, century_ = -1, month_ = 1, day_ = 1, day_of_year_ = 0;
  int64_t week_ = 0, week_of_month_ = 0, day_of_week_ = 0, julian_day_ = 0, passed_over_ = 0;
  int64_t hour_ = 0, half_ = -1, minute_ = 0, second_ = 0, second_of_day_ = -1, fraction_ = 0;
  bool is_afternoon_ = false, is_before_christ_ = false;
  int64_t zone_sign_ = 1, zone_hour_ = 0, zone_minute_ = 0;
  bool has_zone_ = false;
  char skipped_ = ' ';  // the sign that skip_separators() has skipped; a blank if none
};

constexpr size_t kMaxTimeTemplate = 1'000;

Status check_template(Text pattern) {
  if (pattern.size() > kMaxTimeTemplate)
    return Error{ErrorCode::InvalidParameter, "a template has at most 1000 characters"};
  return {};
}
Result<int64_t> to_timestamp(const KernelCall& call, PerBatch<CallZone>& zones, Text text,
                             Text pattern) {
  TRY(check_template(pattern));
  TimeReader reader(text);
  const int64_t clock = TRY(reader.read(pattern));
  if (const auto east_ms = reader.east_ms()) return clock - *east_ms;
  return instant_of_clock(zones->of(call), clock);
}
Result<int32_t> to_date(Text text, Text pattern) {
  TRY(check_template(pattern));
  const int64_t ms = TRY(TimeReader(text).read(pattern));
  return static_cast<int32_t>(ms >= 0 ? ms / kMsPerDay : -((-ms + kMsPerDay - 1) / kMsPerDay));
}

// ---- Intervals, as texts in their normal form

constexpr int64_t kUsPerDay = 86'400'000'000;
constexpr int32_t kDaysPerMonth = 30;

// Moves whole units from the smaller to the larger part. match_signs() then gives the smaller part
// the sign of the larger part.
template <class Large, class Small>
void carry(Large& large, Small& small, int64_t unit) {
  large += static_cast<Large>(small / unit);
  small = static_cast<Small>(small % unit);
}
void match_signs(int32_t& large, int64_t& small, int64_t unit) {
  if (large > 0 && small < 0) --large, small += unit;
  if (large < 0 && small > 0) ++large, small -= unit;
}
Interval with_days(Interval of) {
  carry(of.days, of.us, kUsPerDay);
  match_signs(of.days, of.us, kUsPerDay);
  return of;
}
Interval with_months(Interval of) {
  carry(of.months, of.days, kDaysPerMonth);
  int64_t days = of.days;
  match_signs(of.months, days, kDaysPerMonth);
  of.days = static_cast<int32_t>(days);
  return of;
}
Result<std::string> justify_hours(Text text) {
  const Interval read = TRY(parse_interval(text));
  return interval_text(with_days(read));
}
Result<std::string> justify_days(Text text) {
  const Interval read = TRY(parse_interval(text));
  return interval_text(with_months(read));
}
Result<std::string> justify_interval(Text text) {
  Interval of = TRY(parse_interval(text));
  carry(of.days, of.us, kUsPerDay);
  carry(of.months, of.days, kDaysPerMonth);
  if (of.months > 0 && (of.days < 0 || (of.days == 0 && of.us < 0)))
    --of.months, of.days += kDaysPerMonth;
  if (of.months < 0 && (of.days > 0 || (of.days == 0 && of.us > 0)))
    ++of.months, of.days -= kDaysPerMonth;
  match_signs(of.days, of.us, kUsPerDay);
  return interval_text(of);
}

struct IntervalPart {
  Text name;
  double (*of)(const Interval& interval);
};
constexpr IntervalPart kParts[] = {
    {"millennium", [](const Interval& of) { return double(of.months / 12 / 1000); }},
    {"century", [](const Interval& of) { return double(of.months / 12 / 100); }},
    {"decade", [](const Interval& of) { return double(of.months / 12 / 10); }},
    {"year", [](const Interval& of) { return double(of.months / 12); }},
    {"quarter", [](const Interval& of) { return double(of.months % 12 / 3 + 1); }},
    {"month", [](const Interval& of) { return double(of.months % 12); }},
    {"day", [](const Interval& of) { return double(of.days); }},
    {"hour", [](const Interval& of) { return double(of.us / 3'600'000'000); }},
    {"minute", [](const Interval& of) { return double(of.us / 60'000'000 % 60); }},
    {"second", [](const Interval& of) { return double(of.us % 60'000'000) / 1e6; }},
    {"milliseconds", [](const Interval& of) { return double(of.us % 60'000'000) / 1e3; }},
    {"microseconds", [](const Interval& of) { return double(of.us % 60'000'000); }},
    {"epoch", [](const Interval& of) {
       // A whole year counts as 365.25 days, and each remaining month as 30 days.
       return double(of.months / 12) * 31'557'600 + double(of.months % 12) * 2'592'000 +
              double(of.days) * 86'400 + double(of.us) / 1e6;
     }}};
Result<double> interval_part(Text unit, Text text) {
  const std::string wanted = unit_name(unit);
  const auto* part = std::ranges::find(kParts, Text(wanted), &IntervalPart::name);
  if (part == std::end(kParts))
    return Error{ErrorCode::InvalidParameter,
                 "unit \"" + wanted + "\" is not recognized for an interval"};
  const Interval read = TRY(parse_interval(text));
  return part->of(read);
}

// Returns the interval without the parts that are smaller than the unit.
Result<std::string> interval_trunc(Text unit, Text text) {
  struct Unit {
    Text name;
    int32_t months;  // length of the unit in months; 0: all months are kept
    int64_t us;      // length of the unit in microseconds; 0: the unit is longer than an hour
  };
  constexpr int64_t kUsPerSecond = 1'000'000;
  constexpr Unit kUnits[] = {{"millennium", 12'000, 0},
                             {"century", 1'200, 0},
                             {"decade", 120, 0},
                             {"year", 12, 0},
                             {"quarter", 3, 0},
                             {"month", 1, 0},
                             {"day", 0, 0},
                             {"hour", 0, 3'600 * kUsPerSecond},
                             {"minute", 0, 60 * kUsPerSecond},
                             {"second", 0, kUsPerSecond},
                             {"milliseconds", 0, 1'000},
                             {"microseconds", 0, 1}};
  const std::string wanted = unit_name(unit);
  if (wanted == "week")
    return Error{ErrorCode::NotSupported, "unit \"week\" not supported for type interval"};
  const auto* found = std::ranges::find(kUnits, Text(wanted), &Unit::name);
  if (found == std::end(kUnits))
    return Error{ErrorCode::InvalidParameter,
                 "unit \"" + wanted + "\" not recognized for type interval"};
  Interval of = TRY(parse_interval(text));
  if (found->months > 0) {
    of.months -= of.months % found->months;
    of.days = 0;
  }
  of.us -= found->us == 0 ? of.us : of.us % found->us;
  return interval_text(of);
}

Result<std::string> make_interval(int32_t years, int32_t months, int32_t weeks, int32_t days,
                                  int32_t hours, int32_t minutes, double seconds) {
  const int64_t all_months = int64_t{years} * 12 + months, all_days = int64_t{weeks} * 7 + days;
  const double us = std::rint(seconds * 1e6);
  if (all_months != static_cast<int32_t>(all_months) ||
      all_days != static_cast<int32_t>(all_days) || !(std::fabs(us) < 9e18))
    return Error{ErrorCode::InvalidTimestamp, "interval out of range"};
  const Interval made{(int64_t{hours} * 60 + minutes) * 60'000'000 + static_cast<int64_t>(us),
                      static_cast<int32_t>(all_days), static_cast<int32_t>(all_months)};
  return interval_text(made);
}

// ---- AT TIME ZONE

// Finds the zone for a name. A zone abbreviation has the same offset all year. PostgreSQL reads a
// text that is not a name of a zone in POSIX notation, in which positive hours are west of UTC.
Result<TimeZone> zone_of(Text name) {
  constexpr int kSecondsPerMinute = 60;
  if (const auto minutes = minutes_east_of(name))
    return TimeZone::fixed(*minutes * kSecondsPerMinute);
  if (name.starts_with('+') || name.starts_with('-')) {
    std::string opposite(name);
    opposite.front() = name.front() == '+' ? '-' : '+';
    if (auto zone = TimeZone::find(opposite)) return zone;
  }
  if (auto zone = TimeZone::find(name)) return zone;
  if (auto named = TimeZone::parse_name(name); named && named->size == name.size())
    return named->zone;
  return Error{ErrorCode::InvalidParameter,
               "time zone \"" + std::string(name.substr(0, 60)) + "\" not recognized"};
}
// Returns the zone for an interval, in which positive hours are east of UTC.
Result<TimeZone> zone_of_interval(Text text) {
  const Interval interval = TRY(parse_interval(text));
  constexpr int64_t kUsPerSecond = 1'000'000,
                    kMostSeconds = 168 * 3'600;  // the limit of SET TimeZone
  const auto refused = [&](std::string_view why) {
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("interval time zone \"{}\" must not {}", text, why)};
  };
  if (interval.months != 0 || interval.days != 0) return refused("include months or days");
  const int64_t seconds = interval.us / kUsPerSecond;
  if (std::abs(seconds) > kMostSeconds) return refused("be longer than a week");
  return TimeZone::fixed(static_cast<int32_t>(seconds));
}
template <Result<TimeZone> (*read)(Text)>
struct LastZone {
  std::string name;
  std::optional<TimeZone> zone;
  Status find(Text wanted) {
    if (zone && name == wanted) return {};
    zone = TRY(read(wanted));
    name = wanted;
    return {};
  }
};
template <Result<TimeZone> (*read)(Text)>
Result<int64_t> clock_in_zone(PerBatch<LastZone<read>>& last, Text name, int64_t ms) {
  TRY(last->find(name));
  return ms + last->zone->offset_ms(ms);
}
template <Result<TimeZone> (*read)(Text)>
Result<int64_t> time_of_clock(PerBatch<LastZone<read>>& last, Text name, int64_t ms) {
  TRY(last->find(name));
  return instant_of_clock(*last->zone, ms);
}
Result<SqlType> clock_type(std::span<const SqlType>) {
  return SqlType(TypeKind::Timestamp).labelled(label::kTimestamp);
}

// ---- GENERATE_SERIES

// A longer series is a mistake and would exhaust the memory.
constexpr size_t kMaxTimeSeriesItems = 1'000'000;

// Returns a series of times. Days and months are those of the calendar in `zone`; null: UTC.
Result<Value> series_of(const KernelCall& call, const ZoneClock* zone, int64_t first, int64_t last,
                        Text step_text) {
  const Interval step = TRY(parse_interval(step_text));
  const int64_t direction = TRY(plus(int64_t{0}, step));  // from a day that exists in every month
  if (direction == 0) return Error{ErrorCode::InvalidParameter, "step size cannot equal zero"};
  ValueList times;
  constexpr int64_t kUsPerMs = 1'000;
  for (int64_t us = first * kUsPerMs;;) {
    const int64_t at = ms_of_us(us);
    if (direction > 0 ? at > last : at < last) break;
    times.push_back(Value::bigint(at));
    if (times.size() > kMaxTimeSeriesItems)
      return Error{ErrorCode::LimitExceeded,
                   "generate_series() gives more than 1000000 points in time"};
    if (times.size() % 1024 == 0 && call.context.is_over())
      return call.context.budget->status().error();
    us = TRY(plus_in_zone(zone, us, step));
  }
  return Value::list(std::move(times));
}
Result<Value> series_of_times(const KernelCall& call, PerBatch<CallZone>& zones, int64_t first,
                              int64_t last, Text step) {
  // A timestamp without a time zone is a local time, so no zone applies.
  const bool has_zone = call.args[0].type().label() != label::kTimestamp;
  return series_of(call, has_zone ? zones->of(call) : nullptr, first, last, step);
}

// Returns a series from the midnight of one day to that of another.
Result<Value> series_of_days(const KernelCall& call, PerBatch<CallZone>& zones, int32_t first,
                             int32_t last, Text step) {
  const ZoneClock* const zone = zones->of(call);
  return series_of(call, zone, instant_of_clock(zone, first * kMsPerDay),
                   instant_of_clock(zone, last * kMsPerDay), step);
}

// ---- DATE_BIN

Result<int64_t> start_of_bin(Text stride_text, int64_t ms, int64_t origin_ms) {
  constexpr int64_t kUsPerMs = 1'000;
  const Interval stride = TRY(parse_interval(stride_text));
  if (stride.months != 0)
    return Error{ErrorCode::NotSupported,
                 "timestamps cannot be binned into intervals containing months or years"};
  const int64_t stride_us = stride.us + stride.days * kMsPerDay * kUsPerMs;
  if (stride_us <= 0) return Error{ErrorCode::InvalidParameter, "stride must be greater than zero"};
  if (stride_us % kUsPerMs != 0)
    return Error{ErrorCode::NotSupported, "a stride with less than milliseconds is not supported"};
  const int64_t stride_ms = stride_us / kUsPerMs;
  // Rounds down, also before the origin.
  const int64_t behind = (ms - origin_ms) % stride_ms;
  return ms - behind - (behind < 0 ? stride_ms : 0);
}

bool is_finite_time(int64_t) { return true; }
bool is_finite_date(int32_t) { return true; }

constexpr std::string_view kAge =
    "The years, months and days between two times; with one argument, from this time to today.";

constexpr FunctionDef kPostgresTimesDefs[] = {
    {.name = "age",
     .signature = "(TIMESTAMP later, TIMESTAMP earlier) -> STRING",
     .doc = kAge,
     .example = "AGE(FROM_UNIXTIME(86400000), FROM_UNIXTIME(0)) = '1 day'",
     .kernel = row_kernel<age>,
     .returns = interval_type},
    {.name = "age",
     .signature = "(DATE later, DATE earlier) -> STRING",
     .doc = kAge,
     .example = "AGE(FROM_DAYS(40), FROM_DAYS(0)) = '1 mon 9 days'",
     .kernel = row_kernel<age_of_dates>,
     .returns = interval_type},
    {.name = "age",
     .signature = "(TIMESTAMP earlier) -> STRING",
     .doc = kAge,
     .example = "AGE(FROM_UNIXTIME(0)) IS NOT NULL",
     .kernel = row_kernel<age_until_today>,
     .returns = interval_type,
     .is_deterministic = false},
    {.name = "age",
     .signature = "(DATE earlier) -> STRING",
     .doc = kAge,
     .example = "AGE(FROM_DAYS(0)) IS NOT NULL",
     .kernel = row_kernel<age_of_date>,
     .returns = interval_type,
     .is_deterministic = false},
    {.name = "date_bin",
     .signature = "(STRING stride, TIMESTAMP source, TIMESTAMP origin) -> TIMESTAMP",
     .doc = "The start of the period that contains a time; the periods follow each other from an "
            "origin on, and each is as long as the interval.",
     .example = "DATE_BIN('5 minutes', FROM_UNIXTIME(420000), FROM_UNIXTIME(0)) = "
                "FROM_UNIXTIME(300000)",
     .kernel = row_kernel<start_of_bin>},
    {.name = "make_date",
     .signature = "(INT year, INT month, INT day) -> DATE",
     .doc = "The day of a year, a month and a day.",
     .example = "MAKE_DATE(1970, 2, 10) = FROM_DAYS(40)",
     .kernel = row_kernel<make_date>},
    {.name = "make_time",
     .signature = "(INT hour, INT minute, DOUBLE seconds) -> TIME",
     .doc = "The time of day of an hour, a minute and seconds.",
     .example = "MAKE_TIME(10, 5, 1.5) = '10:05:01.500'",
     .kernel = row_kernel<make_time>},
    {.name = "make_timestamp",
     .signature =
         "(INT year, INT month, INT day, INT hour, INT minute, DOUBLE seconds) -> TIMESTAMP",
     .doc = "The point in time of a day and a time of day, in UTC.",
     .example = "MAKE_TIMESTAMP(1970, 1, 1, 0, 0, 1.5) = FROM_UNIXTIME(1500)",
     .kernel = row_kernel<make_timestamp>,
     .returns = clock_type},
    {.name = "make_timestamptz",
     .signature =
         "(INT year, INT month, INT day, INT hour, INT minute, DOUBLE seconds) -> TIMESTAMP",
     .doc =
         "The point in time of a day and a time of day, in UTC; over tables in the session's time "
         "zone.",
     .example = "MAKE_TIMESTAMPTZ(1970, 1, 1, 0, 0, 1.5) = FROM_UNIXTIME(1500)",
     .kernel = row_kernel<make_timestamptz>},
    {.name = "make_interval",
     .signature = "(INT years, INT months, INT weeks, INT days, INT hours, INT minutes, DOUBLE "
                  "seconds) -> STRING",
     .doc = "The interval that is the sum of all arguments. Over tables the last ones can be "
            "omitted, or be named: days => 10.",
     .example = "MAKE_INTERVAL(0, 0, 1, 3, 0, 0, 0E0) = '10 days'",
     .kernel = row_kernel<make_interval>,
     .returns = interval_type},
    {.name = "to_timestamp",
     .signature = "(DOUBLE seconds) -> TIMESTAMP",
     .doc = "The timestamp that is this number of seconds after the beginning of 1970; with two "
            "arguments, the timestamp in a text, by the patterns of TO_CHAR.",
     .example = "TO_TIMESTAMP(1.5E0) = FROM_UNIXTIME(1500)",
     .kernel = row_kernel<from_epoch>},
    {.name = "to_timestamp",
     .signature = "(STRING text, STRING template) -> TIMESTAMP",
     .doc = "The timestamp of a text in the format of a template, as for TO_CHAR.",
     .example = "TO_TIMESTAMP('05 Jan 1970', 'DD Mon YYYY') = FROM_UNIXTIME(345600000)",
     .kernel = row_kernel<to_timestamp>},
    {.name = "to_date",
     .signature = "(STRING text, STRING template) -> DATE",
     .doc = "Reads a date from a text, by the patterns of TO_CHAR.",
     .example = "TO_DATE('10.02.1970', 'DD.MM.YYYY') = FROM_DAYS(40)",
     .kernel = row_kernel<to_date>},
    {.name = "justify_hours",
     .signature = "(STRING interval) -> STRING",
     .doc = "The interval, in which each 24 hours become a day.",
     .example = "JUSTIFY_HOURS('27:00:00') = '1 day 03:00:00'",
     .kernel = row_kernel<justify_hours>,
     .returns = interval_type},
    {.name = "justify_days",
     .signature = "(STRING interval) -> STRING",
     .doc = "The interval, in which each 30 days become a month.",
     .example = "JUSTIFY_DAYS('35 days') = '1 mon 5 days'",
     .kernel = row_kernel<justify_days>,
     .returns = interval_type},
    {.name = "justify_interval",
     .signature = "(STRING interval) -> STRING",
     .doc = "The interval, in which hours become days and days become months, and all parts have "
            "the same sign.",
     .example = "JUSTIFY_INTERVAL('1 mon -01:00:00') = '29 days 23:00:00'",
     .kernel = row_kernel<justify_interval>,
     .returns = interval_type},
    {.name = "interval_part",
     .signature = "(STRING unit, STRING interval) -> DOUBLE",
     .doc = "A part of an interval: year, month, day, hour, minute, second, epoch ... Over tables "
            "write DATE_PART or EXTRACT.",
     .example = "INTERVAL_PART('hour', '1 day 03:00:00') = 3E0",
     .kernel = row_kernel<interval_part>},
    {.name = "interval_trunc",
     .signature = "(STRING unit, STRING interval) -> STRING",
     .doc = "An interval without the parts below a unit. Over tables write DATE_TRUNC.",
     .example = "INTERVAL_TRUNC('hour', '1 day 03:20:00') = '1 day 03:00:00'",
     .kernel = row_kernel<interval_trunc>,
     .returns = interval_type},
    {.name = "timezone",
     .signature = "(STRING zone, TIMESTAMP time) -> TIMESTAMP",
     .doc = "The local time of a zone at a point in time. Over tables it is AT TIME ZONE of a "
            "timestamptz; for a timestamp AT TIME ZONE is FROM_TIMEZONE.",
     .example = "TIMEZONE('Asia/Karachi', FROM_UNIXTIME(0)) = FROM_UNIXTIME(18000000)",
     .kernel = row_kernel<clock_in_zone<zone_of>>,
     .returns = clock_type},
    {.name = "from_timezone",
     .signature = "(STRING zone, TIMESTAMP time) -> TIMESTAMP",
     .doc = "The point in time at which clocks of a zone show this local time.",
     .example = "FROM_TIMEZONE('Asia/Karachi', FROM_UNIXTIME(18000000)) = FROM_UNIXTIME(0)",
     .kernel = row_kernel<time_of_clock<zone_of>>},
    {.name = "interval_timezone",
     .signature = "(STRING east, TIMESTAMP time) -> TIMESTAMP",
     .doc = "The local time that clocks show if they are an interval ahead of UTC.",
     .example = "INTERVAL_TIMEZONE('05:30:00', FROM_UNIXTIME(0)) = FROM_UNIXTIME(19800000)",
     .kernel = row_kernel<clock_in_zone<zone_of_interval>>,
     .returns = clock_type},
    {.name = "from_interval_timezone",
     .signature = "(STRING east, TIMESTAMP time) -> TIMESTAMP",
     .doc = "The point in time at which clocks that are an interval ahead of UTC show this local "
            "time.",
     .example = "FROM_INTERVAL_TIMEZONE('05:30:00', FROM_UNIXTIME(19800000)) = FROM_UNIXTIME(0)",
     .kernel = row_kernel<time_of_clock<zone_of_interval>>},
    {.name = "generate_series",
     .signature = "(TIMESTAMP start, TIMESTAMP end, STRING interval) -> ARRAY<TIMESTAMP>",
     .doc = "All points in time from one to another, an interval apart. Over tables they are rows.",
     .example =
         "ARRAY_LENGTH(GENERATE_SERIES(FROM_UNIXTIME(0), FROM_UNIXTIME(172800000), '1 day')) "
         "= 3",
     .kernel = row_kernel<series_of_times>},
    {.name = "generate_series",
     .signature = "(DATE start, DATE end, STRING interval) -> ARRAY<TIMESTAMP>",
     .doc = "All points in time from the beginning of one day to the beginning of another, by "
            "steps of an interval.",
     .example = "ARRAY_LENGTH(GENERATE_SERIES(FROM_DAYS(0), FROM_DAYS(2), '1 day')) = 3",
     .kernel = row_kernel<series_of_days>},
    {.name = "isfinite",
     .signature = "(TIMESTAMP timestamp) -> BOOLEAN",
     .doc = "Whether the value is finite, which is true for all values of columns.",
     .example = "ISFINITE(FROM_UNIXTIME(0))",
     .kernel = row_kernel<is_finite_time>},
    {.name = "isfinite",
     .signature = "(DATE date) -> BOOLEAN",
     .doc = "Whether the value is finite, which is true for all values of columns.",
     .example = "ISFINITE(FROM_DAYS(0))",
     .kernel = row_kernel<is_finite_date>},
};

}  // namespace

const FunctionFamily kPostgresTimes{"POSTGRESQL", kPostgresTimesDefs};

}  // namespace engine
