#include "engine/types/styled_texts.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <iterator>

#include "engine/types/text_time.h"

namespace engine {

namespace {

constexpr int64_t kStyledUsPerSecond = 1'000'000;

// The parts of a text in ISO form; only the date is required.
struct IsoParts {
  std::string_view year, month, day, clock;
  bool has_zone = false, is_bc = false;
};
IsoParts parts_of(std::string_view iso) {
  IsoParts parts;
  constexpr std::string_view kBc = " BC";
  parts.is_bc = iso.ends_with(kBc);
  if (parts.is_bc) iso.remove_suffix(kBc.size());
  const size_t year = iso.find('-');
  constexpr size_t kMonth = 2, kDay = 2;
  parts.year = iso.substr(0, year);
  parts.month = iso.substr(year + 1, kMonth);
  parts.day = iso.substr(year + 1 + kMonth + 1, kDay);
  std::string_view rest = iso.substr(year + 1 + kMonth + 1 + kDay);
  if (rest.empty()) return parts;
  rest.remove_prefix(1);
  const size_t zone = rest.find_first_of("+-");
  parts.has_zone = zone != std::string_view::npos;
  parts.clock = rest.substr(0, zone);
  return parts;
}

int number_of(std::string_view digits) {
  int number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

constexpr std::string_view kMonthNames[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::string_view kWeekdays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

// Returns a text such as Mon Jul 01 10:00:00 2024 CEST.
std::string in_unix_style(const TextForms& forms, const IsoParts& parts) {
  const int year = number_of(parts.year), month = number_of(parts.month);
  const int64_t days =
      days_from_civil({parts.is_bc ? 1 - year : year, month, number_of(parts.day)});
  const std::string_view weekday = kWeekdays[day_of_week(days) - 1], name = kMonthNames[month - 1];
  return forms.date_order == DateOrder::Dmy
             ? fmt::format("{} {} {} {} {}", weekday, parts.day, name, parts.clock, parts.year)
             : fmt::format("{} {} {} {} {}", weekday, name, parts.day, parts.clock, parts.year);
}

std::string in_numbers(const TextForms& forms, const IsoParts& parts) {
  const bool is_german = forms.date_style == DateStyle::German;
  const char between = is_german ? '.' : forms.date_style == DateStyle::Sql ? '/' : '-';
  const bool is_day_first = is_german || forms.date_order == DateOrder::Dmy;
  return fmt::format("{}{}{}{}{}", is_day_first ? parts.day : parts.month, between,
                     is_day_first ? parts.month : parts.day, between, parts.year);
}

// ---- Intervals: the parts have the sign of the interval, or are 0

struct IntervalParts {
  int64_t years, months, days, hours, minutes, seconds, us;

  explicit IntervalParts(const Interval& interval)
      : years(interval.months / 12),
        months(interval.months % 12),
        days(interval.days),
        hours(interval.us / (3600 * kStyledUsPerSecond)),
        minutes(interval.us / (60 * kStyledUsPerSecond) % 60),
        seconds(interval.us / kStyledUsPerSecond % 60),
        us(interval.us % kStyledUsPerSecond) {}
};

// Returns seconds with their fraction: 4.5, or 04.5 with a width of two digits.
std::string seconds_text(int64_t seconds, int64_t us, int width) {
  std::string text = fmt::format("{:0{}}", std::abs(seconds), width);
  if (us == 0) return text;
  text += fmt::format(".{:06}", std::abs(us));
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}
std::string clock_text(const IntervalParts& parts) {
  return fmt::format("{}:{:02}:{}", std::abs(parts.hours), std::abs(parts.minutes),
                     seconds_text(parts.seconds, parts.us, 2));
}

// Returns 1-2 or 3 4:05:06, or, if the parts have different signs, all parts with signs: +1-2 -3 +4:05:06.
std::string in_standard_style(const Interval& interval) {
  const IntervalParts parts(interval);
  const bool is_negative = interval.months < 0 || interval.days < 0 || interval.us < 0;
  const bool is_positive = interval.months > 0 || interval.days > 0 || interval.us > 0;
  const bool has_months = interval.months != 0, has_days = interval.days != 0;
  if (!is_negative && !is_positive) return "0";
  const bool is_mixed =
      (is_negative && is_positive) || (has_months && (has_days || interval.us != 0));
  const auto sign = [](int64_t part) { return part < 0 ? '-' : '+'; };
  const std::string months = fmt::format("{}-{}", std::abs(parts.years), std::abs(parts.months));
  if (is_mixed)
    return fmt::format("{}{} {}{} {}{}", sign(interval.months), months, sign(interval.days),
                       std::abs(parts.days), sign(interval.us), clock_text(parts));
  const std::string_view minus = is_negative ? "-" : "";
  if (has_months) return fmt::format("{}{}", minus, months);
  if (has_days) return fmt::format("{}{} {}", minus, std::abs(parts.days), clock_text(parts));
  return fmt::format("{}{}", minus, clock_text(parts));
}

// Returns a text such as P1Y2M3DT4H5M6.7S.
std::string in_iso_style(const Interval& interval) {
  const IntervalParts parts(interval);
  std::string text = "P";
  const auto add = [&](int64_t count, char unit) {
    if (count != 0) text += fmt::format("{}{}", count, unit);
  };
  add(parts.years, 'Y');
  add(parts.months, 'M');
  add(parts.days, 'D');
  if (interval.us == 0) return text.size() > 1 ? text : "PT0S";
  text += 'T';
  add(parts.hours, 'H');
  add(parts.minutes, 'M');
  if (parts.seconds != 0 || parts.us != 0)
    text +=
        fmt::format("{}{}S", interval.us < 0 ? "-" : "", seconds_text(parts.seconds, parts.us, 1));
  return text;
}

// Returns a text such as @ 1 year 2 mons -3 days 4 hours 5 mins 6.7 secs ago. A negative sign of the first part is
// shown at the end as "ago"; another part has a minus if its sign differs from that of the first part.
std::string in_verbose_style(const Interval& interval) {
  const IntervalParts parts(interval);
  std::string text = "@";
  bool is_ago = false;
  const auto sign = [&](bool is_negative) -> std::string_view {
    if (text.size() == 1) is_ago = is_negative;
    return is_negative == is_ago ? "" : "-";
  };
  const auto add = [&](int64_t count, std::string_view unit) {
    if (count == 0) return;
    const std::string_view minus = sign(count < 0);
    // The plural follows PostgreSQL: -1 days, but 1 day.
    const bool is_one = minus.empty() && std::abs(count) == 1;
    text += fmt::format(" {}{} {}{}", minus, std::abs(count), unit, is_one ? "" : "s");
  };
  add(parts.years, "year");
  add(parts.months, "mon");
  add(parts.days, "day");
  add(parts.hours, "hour");
  add(parts.minutes, "min");
  if (parts.seconds != 0 || parts.us != 0) {
    const std::string_view minus = sign(interval.us < 0);
    const bool is_one = std::abs(parts.seconds) == 1 && parts.us == 0;
    text += fmt::format(" {}{} sec{}", minus, seconds_text(parts.seconds, parts.us, 1),
                        is_one ? "" : "s");
  }
  if (text.size() == 1) text += " 0";
  return is_ago ? text + " ago" : text;
}

}  // namespace

std::string in_date_style(const TextForms& forms, std::string_view iso,
                          std::string_view zone_name) {
  if (forms.date_style == DateStyle::Iso || iso.ends_with("infinity")) return std::string(iso);
  const IsoParts parts = parts_of(iso);
  std::string text;
  if (forms.date_style == DateStyle::Postgres && !parts.clock.empty()) {
    text = in_unix_style(forms, parts);
  } else {
    text = in_numbers(forms, parts);
    if (!parts.clock.empty()) text.append(1, ' ').append(parts.clock);
  }
  if (parts.has_zone) text.append(1, ' ').append(zone_name);
  return parts.is_bc ? text + " BC" : text;
}

std::string in_interval_style(IntervalStyle style, const Interval& interval) {
  switch (style) {
    case IntervalStyle::Postgres:
      break;
    case IntervalStyle::PostgresVerbose:
      return in_verbose_style(interval);
    case IntervalStyle::SqlStandard:
      return in_standard_style(interval);
    case IntervalStyle::Iso8601:
      return in_iso_style(interval);
  }
  return interval_text(interval);
}

}  // namespace engine
