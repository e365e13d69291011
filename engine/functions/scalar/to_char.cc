// Implements TO_CHAR for times as in PostgreSQL 15
// (https://www.postgresql.org/docs/15/functions-formatting.html).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/functions/scalar/to_char.h"
#include "engine/functions/session_zone.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_time.h"
#include "engine/types/zoned_texts.h"

namespace engine {

namespace {

using Text = std::string_view;

// ---- Times

constexpr std::array<Text, 12> kMonths = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
constexpr std::array<Text, 7> kDays = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};

// Returns the year without a sign, as it is shown. Year 0 of the calendar is 1 BC.
int64_t shown_year(int64_t year) { return year > 0 ? year : 1 - year; }
int64_t century(int64_t year) { return year > 0 ? (year - 1) / 100 + 1 : year / 100 - 1; }

constexpr std::array<Text, 12> kRomanMonths = {"I",   "II",   "III", "IV", "V",  "VI",
                                               "VII", "VIII", "IX",  "X",  "XI", "XII"};

struct Moment {
  CivilDate date;
  int64_t days;
  int64_t ms;  // milliseconds of the day
  std::string zone = "UTC";
  int64_t east_ms = 0;
  bool is_interval = false;  // `date` and `ms` are then the parts of an interval
  int hour() const { return static_cast<int>(ms / kMsPerHour); }
  int day_of_year() const {
    return static_cast<int>(days - days_from_civil({date.year, 1, 1})) + 1;
  }
  int64_t year() const { return is_interval ? date.year : shown_year(date.year); }
  // By ISO 8601, a week belongs to the year of its Thursday.
  int64_t iso_year() const { return shown_year(civil_from_days(thursday()).year); }
  int iso_week() const {
    const int64_t year = civil_from_days(thursday()).year;
    return static_cast<int>((thursday() - days_from_civil({year, 1, 1})) / 7) + 1;
  }

 private:
  int64_t thursday() const { return days - day_of_week(days) + 4; }
};

// Returns a name in the letter case in which the template has the pattern: MONTH, Month, month.
std::string cased(Text pattern, Text name) {
  if (pattern[0] >= 'a') return lower_case(name);
  return pattern.size() > 1 && pattern[1] >= 'a' ? std::string(name) : upper_case(name);
}
// Pads the number with zeros. Parts of an interval may be negative; the sign is written in addition
// to `width` digits.
std::string padded(bool fills, int64_t value, int width) {
  return fills ? fmt::format("{:0{}}", value, value < 0 ? width + 1 : width)
               : fmt::to_string(value);
}
// Returns the last digits of a year.
std::string last_digits(bool fills, int64_t year, int digits) {
  int64_t all = 1;
  for (int i = 0; i < digits; ++i) all *= 10;
  return padded(fills, year % all, digits);
}
// Returns digits of the fraction of a second. Times only have milliseconds.
std::string fraction(int64_t ms, size_t digits) {
  return fmt::format("{:06}", ms % 1'000 * 1'000).substr(0, digits);
}
std::string named(bool fills, Text pattern, Text name) {
  constexpr size_t kLongest = 9;  // length of the longest names, September and Wednesday
  std::string out = cased(pattern, name);
  if (fills) out.resize(std::max(out.size(), kLongest), ' ');
  return out;
}

struct CharPattern {
  Text name;  // upper case, unless only the lower-case pattern is valid
  // Prints the field. `fills` is false if FM precedes the pattern; `as_written` is the pattern in
  // the template.
  std::string (*show)(const Moment& at, bool fills, Text as_written);
};
using M = const Moment&;
// If one pattern is the beginning of another, the longer one comes first.
constexpr CharPattern kTimePatterns[] = {
    {"HH24", [](M at, bool fills, Text) { return padded(fills, at.hour(), 2); }},
    {"HH12", [](M at, bool fills, Text) { return padded(fills, (at.hour() + 11) % 12 + 1, 2); }},
    {"HH", [](M at, bool fills, Text) { return padded(fills, (at.hour() + 11) % 12 + 1, 2); }},
    {"MI", [](M at, bool fills, Text) { return padded(fills, at.ms / kMsPerMinute % 60, 2); }},
    {"SSSSS", [](M at, bool, Text) { return fmt::to_string(at.ms / kMsPerSecond); }},
    {"SSSS", [](M at, bool, Text) { return fmt::to_string(at.ms / kMsPerSecond); }},
    {"SS", [](M at, bool fills, Text) { return padded(fills, at.ms / kMsPerSecond % 60, 2); }},
    {"MS", [](M at, bool, Text) { return padded(true, at.ms % 1'000, 3); }},
    {"US", [](M at, bool, Text) { return padded(true, at.ms % 1'000 * 1'000, 6); }},
    {"FF1", [](M at, bool, Text) { return fraction(at.ms, 1); }},
    {"FF2", [](M at, bool, Text) { return fraction(at.ms, 2); }},
    {"FF3", [](M at, bool, Text) { return fraction(at.ms, 3); }},
    {"FF4", [](M at, bool, Text) { return fraction(at.ms, 4); }},
    {"FF5", [](M at, bool, Text) { return fraction(at.ms, 5); }},
    {"FF6", [](M at, bool, Text) { return fraction(at.ms, 6); }},
    {"A.D.", [](M at, bool, Text as) { return cased(as, at.date.year > 0 ? "A.D." : "B.C."); }},
    {"B.C.", [](M at, bool, Text as) { return cased(as, at.date.year > 0 ? "A.D." : "B.C."); }},
    {"AD", [](M at, bool, Text as) { return cased(as, at.date.year > 0 ? "AD" : "BC"); }},
    {"BC", [](M at, bool, Text as) { return cased(as, at.date.year > 0 ? "AD" : "BC"); }},
    {"A.M.", [](M at, bool, Text as) { return cased(as, at.hour() % 24 < 12 ? "A.M." : "P.M."); }},
    {"P.M.", [](M at, bool, Text as) { return cased(as, at.hour() % 24 < 12 ? "A.M." : "P.M."); }},
    {"AM", [](M at, bool, Text as) { return cased(as, at.hour() % 24 < 12 ? "AM" : "PM"); }},
    {"PM", [](M at, bool, Text as) { return cased(as, at.hour() % 24 < 12 ? "AM" : "PM"); }},
    {"Y,YYY",
     [](M at, bool, Text) {
       return fmt::format("{},", at.year() / 1'000) + last_digits(true, at.year(), 3);
     }},
    {"YYYY", [](M at, bool fills, Text) { return padded(fills, at.year(), 4); }},
    {"YYY", [](M at, bool fills, Text) { return last_digits(fills, at.year(), 3); }},
    {"YY", [](M at, bool fills, Text) { return last_digits(fills, at.year(), 2); }},
    {"Y", [](M at, bool fills, Text) { return last_digits(fills, at.year(), 1); }},
    {"IYYY", [](M at, bool fills, Text) { return padded(fills, at.iso_year(), 4); }},
    {"IYY", [](M at, bool fills, Text) { return last_digits(fills, at.iso_year(), 3); }},
    {"IY", [](M at, bool fills, Text) { return last_digits(fills, at.iso_year(), 2); }},
    {"IDDD", [](M at, bool fills,
                Text) { return padded(fills, (at.iso_week() - 1) * 7 + day_of_week(at.days), 3); }},
    {"ID", [](M at, bool, Text) { return fmt::to_string(day_of_week(at.days)); }},
    {"IW", [](M at, bool fills, Text) { return padded(fills, at.iso_week(), 2); }},
    {"I", [](M at, bool fills, Text) { return last_digits(fills, at.iso_year(), 1); }},
    // Days since the beginning of the Julian period.
    {"J", [](M at, bool, Text) { return fmt::to_string(at.days + 2'440'588); }},
    {"RM",
     [](M at, bool fills, Text as) {
       std::string month = cased(as, kRomanMonths[static_cast<size_t>(at.date.month) - 1]);
       if (fills) month.resize(4, ' ');
       return month;
     }},
    {"MONTH",
     [](M at, bool fills, Text as) {
       return named(fills, as, kMonths[static_cast<size_t>(at.date.month) - 1]);
     }},
    {"MON",
     [](M at, bool, Text as) {
       return cased(as, kMonths[static_cast<size_t>(at.date.month) - 1].substr(0, 3));
     }},
    {"MM", [](M at, bool fills, Text) { return padded(fills, at.date.month, 2); }},
    {"DAY",
     [](M at, bool fills, Text as) {
       return named(fills, as, kDays[static_cast<size_t>(day_of_week(at.days)) - 1]);
     }},
    {"DY",
     [](M at, bool, Text as) {
       return cased(as, kDays[static_cast<size_t>(day_of_week(at.days)) - 1].substr(0, 3));
     }},
    {"DDD", [](M at, bool fills, Text) { return padded(fills, at.day_of_year(), 3); }},
    {"DD", [](M at, bool fills, Text) { return padded(fills, at.date.day, 2); }},
    {"D", [](M at, bool, Text) { return fmt::to_string(day_of_week(at.days) % 7 + 1); }},
    {"WW", [](M at, bool fills, Text) { return padded(fills, (at.day_of_year() + 6) / 7, 2); }},
    {"W", [](M at, bool, Text) { return fmt::to_string((at.date.day + 6) / 7); }},
    {"Q", [](M at, bool, Text) { return fmt::to_string((at.date.month + 2) / 3); }},
    {"CC", [](M at, bool fills, Text) { return padded(fills, century(at.date.year), 2); }},
    {"TZH",
     [](M at, bool, Text) {
       return fmt::format("{}{:02}", at.east_ms < 0 ? '-' : '+', std::abs(at.east_ms) / kMsPerHour);
     }},
    {"TZM", [](M at, bool,
               Text) { return fmt::format("{:02}", std::abs(at.east_ms) / kMsPerMinute % 60); }},
    {"TZ", [](M at, bool, Text as) { return cased(as, at.zone); }},
    {"OF",
     [](M at, bool, Text) {
       std::string offset;
       append_zone_offset(offset, at.east_ms);
       return offset;
     }},
};

// Returns whether an interval has this field. Intervals have no weeks, names of days and months,
// eras and zones.
bool is_of_intervals(const CharPattern& pattern) {
  constexpr Text kPatterns[] = {
      "HH24", "HH12", "HH", "MI", "SSSSS", "SSSS", "SS",  "MS", "US", "FF1", "FF2", "FF3",  "FF4",
      "FF5",  "FF6",  "AM", "PM", "Y,YYY", "YYYY", "YYY", "YY", "Y",  "MM",  "DD",  "A.M.", "P.M."};
  return std::ranges::find(kPatterns, pattern.name) != std::end(kPatterns);
}

Moment moment_of(int64_t clock_ms) {
  const auto [days, ms_of_day] = split_timestamp(clock_ms);
  return {civil_from_days(days), days, ms_of_day};
}

Result<std::string> shown(const Moment& at, Text form) {
  if (form.size() > kMaxTemplate) return template_too_long();
  std::string out;
  bool fills = true;
  while (!form.empty()) {
    if (form.front() == '"') {  // quoted text is copied; a backslash escapes the next character
      for (form.remove_prefix(1); !form.empty() && form.front() != '"'; form.remove_prefix(1)) {
        if (form.front() == '\\' && form.size() > 1) form.remove_prefix(1);
        out += form.front();
      }
      if (!form.empty()) form.remove_prefix(1);
      continue;
    }
    // TM requests the name in the server's language, which is always English. Like FM, it omits the blanks after
    // the name.
    if (starts_ignoring_case(form, "FM") || starts_ignoring_case(form, "TM")) {
      fills = false;
      form.remove_prefix(2);
      continue;
    }
    const auto pattern = std::ranges::find_if(kTimePatterns, [&](const CharPattern& each) {
      return starts_ignoring_case(form, each.name);
    });
    if (pattern == std::end(kTimePatterns)) {
      out += form.front();
      form.remove_prefix(1);
      continue;
    }
    if (at.is_interval && !is_of_intervals(*pattern))
      return Error{ErrorCode::InvalidDatetime,
                   "invalid format specification for an interval value"};
    const Text as_written = form.substr(0, pattern->name.size());
    std::string part = pattern->show(at, fills, as_written);
    fills = true;
    form.remove_prefix(as_written.size());
    if (starts_ignoring_case(form, "TH") && !part.empty() && part.back() >= '0' &&
        part.back() <= '9') {
      const bool is_teen = part.size() > 1 && part[part.size() - 2] == '1';
      constexpr std::array<Text, 4> kEndings = {"th", "st", "nd", "rd"};
      const auto last = static_cast<size_t>(part.back() - '0');
      const Text ending = is_teen || last > 3 ? kEndings[0] : kEndings[last];
      part += form.front() == 'T' ? upper_case(ending) : std::string(ending);
      form.remove_prefix(2);
    }
    out += part;
  }
  return out;
}

// Prints a timestamp. A timestamp without a time zone has no zone name.
Result<std::string> time_to_char(const KernelCall& call, int64_t ms, Text form) {
  Moment at = moment_of(ms);
  if (call.args[0].type().label() == label::kTimestamp) at.zone.clear();
  return shown(at, form);
}
Result<std::string> date_to_char(int32_t days, Text form) {
  return shown(moment_of(days * kMsPerDay), form);
}
// Prints an instant in the session's time zone.
Result<std::string> instant_to_char(const KernelCall& call, PerBatch<CallZone>& zones, int64_t ms,
                                    Text form) {
  const ZoneClock* zone = zones->of(call);
  if (!zone) return shown(moment_of(ms), form);
  Moment at = moment_of(clock_of_instant(zone, ms));
  at.zone = zone->abbreviation(ms);
  at.east_ms = zone->east_ms(ms);
  return shown(at, form);
}
Result<std::string> interval_to_char(Text text, Text form) {
  constexpr int kMonthsPerYear = 12;
  const Interval read = TRY(parse_interval(text));
  Moment at{{read.months / kMonthsPerYear, read.months % kMonthsPerYear, read.days},
            read.days,
            read.us / 1'000};
  at.is_interval = true;
  return shown(at, form);
}
Result<std::string> day_to_char(const KernelCall& call, PerBatch<CallZone>& zones, int32_t days,
                                Text form) {
  return instant_to_char(call, zones, instant_of_clock(zones->of(call), days * kMsPerDay), form);
}

constexpr FunctionDef kToCharDefs[] = {
    {.name = "to_char",
     .signature = "(TIMESTAMP timestamp, STRING template) -> STRING",
     .doc = "A timestamp as text, in UTC, by PostgreSQL's patterns: YYYY, MM, DD, HH24, HH12, MI, "
            "SS, MS, AM, BC, Month, Mon, Day, Dy, DDD, D, Q, WW, IW, TZ, TZH ...; FM before a "
            "pattern removes blanks and zeros, \"quoted text\" is copied.",
     .example = "TO_CHAR(FROM_UNIXTIME(86400005), 'YYYY-MM-DD HH24:MI:SS.MS') = '1970-01-02 "
                "00:00:00.005'",
     .kernel = row_kernel<time_to_char>},
    {.name = "to_char",
     .signature = "(DATE date, STRING template) -> STRING",
     .doc = "A date as text, by the same patterns.",
     .example = "TO_CHAR(CAST('2024-05-01' AS DATE), 'FMDay, FMDDth \"of\" FMMonth') = "
                "'Wednesday, 1st of May'",
     .kernel = row_kernel<date_to_char>},
    {.name = "interval_to_char",
     .signature = "(STRING interval, STRING template) -> STRING",
     .doc = "An interval as text, by the patterns that do not need a calendar. Over tables write "
            "TO_CHAR.",
     .example = "INTERVAL_TO_CHAR('26:03:00', 'HH24:MI') = '26:03'",
     .kernel = row_kernel<interval_to_char>},
    {.name = "pg_catalog.to_char_in_zone",
     .signature = "(TIMESTAMP timestamp, STRING template) -> STRING",
     .doc = "TO_CHAR of a timestamptz, in the zone of the session.",
     .example = "TO_CHAR(FROM_UNIXTIME(0), 'HH24 TZ') = '00 UTC'",
     .kernel = row_kernel<instant_to_char>},
    {.name = "pg_catalog.to_char_in_zone",
     .signature = "(DATE date, STRING template) -> STRING",
     .doc = "TO_CHAR of the midnight at which a day begins in the zone of the session.",
     .example = "TO_CHAR(FROM_DAYS(0), 'HH24 TZ') = '00 UTC'",
     .kernel = row_kernel<day_to_char>},
};

}  // namespace

const FunctionFamily kToCharFunctions{"POSTGRESQL", kToCharDefs};

}  // namespace engine
