#include "engine/types/text_time.h"

#include "engine/types/text_number.h"

namespace engine {

namespace {

void append_padded(std::string& out, int64_t value, size_t width) {
  char text[20];
  size_t count = 0;
  for (; value != 0 || count < width; value /= 10)
    text[sizeof text - ++count] = static_cast<char>('0' + value % 10);
  out.append(text + sizeof text - count, count);
}

// Takes between `least` and `most` digits off the front of `text`.
std::optional<int> take_number(std::string_view& text, size_t least, size_t most) {
  int value = 0;
  size_t count = 0;
  while (count < most && count < text.size() && text[count] >= '0' && text[count] <= '9')
    value = value * 10 + (text[count++] - '0');
  if (count < least) return std::nullopt;
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// Takes a fraction of a second, of at most nine digits, off the front of `text` and returns its
// milliseconds. Digits after the third are dropped.
std::optional<int> take_fraction_ms(std::string_view& text) {
  int ms = 0, place = 100;
  size_t count = 0;
  for (; count < 9 && count < text.size() && text[count] >= '0' && text[count] <= '9'; ++count) {
    ms += place * (text[count] - '0');
    place /= 10;
  }
  if (count == 0) return std::nullopt;
  text.remove_prefix(count);
  return ms;
}

// Takes yyyy[-MM[-dd]] off the front of `text`.
std::optional<CivilDate> take_date(std::string_view& text) {
  CivilDate date;
  const auto year = take_number(text, 4, 4);
  if (!year) return std::nullopt;
  date.year = *year;
  if (take(text, '-')) {
    const auto month = take_number(text, 1, 2);
    if (!month) return std::nullopt;
    date.month = *month;
    if (take(text, '-')) {
      const auto day = take_number(text, 1, 2);
      if (!day) return std::nullopt;
      date.day = *day;
    }
  }
  if (!is_valid(date)) return std::nullopt;
  return date;
}

// Takes HH[:mm[:ss[.S...]]] off the front of `text` and returns the milliseconds of the day.
std::optional<int64_t> take_time(std::string_view& text) {
  const auto hour = take_number(text, 2, 2);
  if (!hour || *hour > 23) return std::nullopt;
  int64_t ms = *hour * kMsPerHour;
  if (!take(text, ':')) return ms;
  const auto minute = take_number(text, 2, 2);
  if (!minute || *minute > 59) return std::nullopt;
  ms += *minute * kMsPerMinute;
  if (!take(text, ':')) return ms;
  const auto second = take_number(text, 2, 2);
  if (!second || *second > 59) return std::nullopt;
  ms += *second * kMsPerSecond;
  if (!take(text, '.')) return ms;
  const auto fraction = take_fraction_ms(text);
  if (!fraction) return std::nullopt;
  return ms + *fraction;
}

}  // namespace

// Counts years from March, so that the leap day is the last day of its year. An era has 400 years.
int64_t days_from_civil(CivilDate date) {
  const int64_t year = date.month <= 2 ? date.year - 1 : date.year;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t month_from_march = (date.month + 9) % 12;
  const int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
  const int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  constexpr int64_t kDaysPerEra = 146097, kEpochDay = 719468;  // days from 0000-03-01 to 1970-01-01
  return era * kDaysPerEra + day_of_era - kEpochDay;
}

CivilDate civil_from_days(int64_t days) {
  constexpr int64_t kDaysPerEra = 146097, kEpochDay = 719468;
  days += kEpochDay;
  const int64_t era = (days >= 0 ? days : days - kDaysPerEra + 1) / kDaysPerEra;
  const int64_t day_of_era = days - era * kDaysPerEra;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  CivilDate date;
  date.day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  date.month =
      static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  date.year = era * 400 + year_of_era + (date.month <= 2 ? 1 : 0);
  return date;
}

bool is_leap_year(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int days_in_month(int64_t year, int month) {
  if (month == 2) return is_leap_year(year) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

bool is_valid(CivilDate date) {
  return date.month >= 1 && date.month <= 12 && date.day >= 1 &&
         date.day <= days_in_month(date.year, date.month);
}

int day_of_week(int64_t days) {
  // day of the week from Monday; 1970-01-01 was a Thursday
  const int64_t from_monday = (days + 3) % 7;
  return static_cast<int>((from_monday + 7) % 7) + 1;
}

DayTime split_timestamp(int64_t ms) {
  int64_t days = ms / kMsPerDay, rest = ms % kMsPerDay;
  if (rest < 0) {
    --days;
    rest += kMsPerDay;
  }
  return {days, rest};
}

void append_date(std::string& out, int64_t days) {
  const CivilDate date = civil_from_days(days);
  if (date.year < 0)
    out += '-';
  else if (date.year > 9999)
    out += '+';
  append_padded(out, date.year < 0 ? -date.year : date.year, 4);
  out += '-';
  append_padded(out, date.month, 2);
  out += '-';
  append_padded(out, date.day, 2);
}

void append_time(std::string& out, int64_t ms_of_day) {
  append_padded(out, ms_of_day / kMsPerHour, 2);
  out += ':';
  append_padded(out, ms_of_day / kMsPerMinute % 60, 2);
  const int64_t second = ms_of_day / kMsPerSecond % 60;
  if (second == 0) return;
  out += ':';
  append_padded(out, second, 2);
}

void append_time_full(std::string& out, int64_t ms_of_day) {
  append_padded(out, ms_of_day / kMsPerHour, 2);
  out += ':';
  append_padded(out, ms_of_day / kMsPerMinute % 60, 2);
  out += ':';
  append_padded(out, ms_of_day / kMsPerSecond % 60, 2);
  if (ms_of_day % kMsPerSecond == 0) return;
  out += '.';
  append_padded(out, ms_of_day % kMsPerSecond, 3);
}

void append_timestamp(std::string& out, int64_t ms) {
  const auto [days, ms_of_day] = split_timestamp(ms);
  append_date(out, days);
  out += 'T';
  append_padded(out, ms_of_day / kMsPerHour, 2);
  out += ':';
  append_padded(out, ms_of_day / kMsPerMinute % 60, 2);
  out += ':';
  append_padded(out, ms_of_day / kMsPerSecond % 60, 2);
  out += '.';
  append_padded(out, ms_of_day % kMsPerSecond, 3);
}

std::optional<int32_t> parse_date(std::string_view text) {
  const auto date = take_date(text);
  if (!date || !text.empty()) return std::nullopt;
  return static_cast<int32_t>(days_from_civil(*date));
}

std::optional<int32_t> parse_time(std::string_view text) {
  if (text.size() < 5) return std::nullopt;  // the minutes are required
  const auto ms = take_time(text);
  if (!ms || !text.empty()) return std::nullopt;
  return static_cast<int32_t>(*ms);
}

std::optional<int64_t> parse_zone_offset(std::string_view text) {
  if (text == "Z") return 0;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = take_number(text, 2, 2);
  if (!hours) return std::nullopt;
  int minutes = 0;
  if (!text.empty()) {
    take(text, ':');
    const auto got = take_number(text, 2, 2);
    if (!got || !text.empty()) return std::nullopt;
    minutes = *got;
  }
  constexpr int64_t kLargestOffset = 18 * kMsPerHour;
  const int64_t offset = *hours * kMsPerHour + minutes * kMsPerMinute;
  if (minutes > 59 || offset > kLargestOffset) return std::nullopt;
  return sign * offset;
}

std::optional<int64_t> parse_timestamp(std::string_view text) {
  const auto date = take_date(text);
  if (!date) return std::nullopt;
  int64_t ms = days_from_civil(*date) * kMsPerDay;
  if (text.empty()) return ms;
  if (!take(text, 'T') && !take(text, ' ')) return std::nullopt;
  if (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    const auto time = take_time(text);
    if (!time) return std::nullopt;
    ms += *time;
    if (text.starts_with(" +") || text.starts_with(" -")) text.remove_prefix(1);
    if (text == " UTC") text = "Z";
  }
  if (text.empty()) return ms;
  const auto offset = parse_zone_offset(text);
  if (!offset) return std::nullopt;
  return ms - *offset;
}

}  // namespace engine
