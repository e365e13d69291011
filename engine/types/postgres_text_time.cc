// Parses and prints interval, timetz, and points in time in microseconds.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <span>

#include "engine/types/ascii.h"
#include "engine/types/plain_days.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

constexpr int64_t kUsPerSecond = 1'000'000, kUsPerMinute = 60 * kUsPerSecond,
                  kUsPerHour = 60 * kUsPerMinute, kWrittenUsPerDay = 24 * kUsPerHour;
// a month counts as 30 days where months and days are combined, as in PostgreSQL
constexpr int64_t kIntervalDaysPerMonth = 30;

bool is_blank_in_time(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Reads a text from its front.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  char next() const { return rest_.empty() ? '\0' : rest_.front(); }
  std::string_view rest() const { return rest_; }
  bool take(char c) {
    if (next() != c || at_end()) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void blanks() {
    while (!at_end() && is_blank_in_time(next())) rest_.remove_prefix(1);
  }
  // Reads at most `most` digits.
  std::optional<int64_t> number(size_t most = 18) {
    size_t size = 0;
    while (size < rest_.size() && size < most && is_ascii_digit(rest_[size])) ++size;
    int64_t value = 0;
    if (size == 0) return std::nullopt;
    std::from_chars(rest_.data(), rest_.data() + size, value);
    rest_.remove_prefix(size);
    return value;
  }
  // Reads a fraction of a second and returns microseconds: .5 is 500,000. Fractions of a microsecond are rounded as in
  // PostgreSQL, as a double, with halves to even.
  int64_t fraction_us() {
    if (next() != '.') return 0;
    const std::string_view text = rest_;
    rest_.remove_prefix(1);
    constexpr int kExactDigits = 6;
    int64_t us = 0, unit = 100'000;
    int digits = 0;
    for (; !at_end() && is_ascii_digit(next()); ++digits, unit /= 10) {
      us += (next() - '0') * unit;
      rest_.remove_prefix(1);
    }
    if (digits <= kExactDigits) return us;
    double fraction = 0;
    std::from_chars(text.data(), rest_.data(), fraction);
    return std::llrint(fraction * 1e6);
  }
  std::string_view word() {
    size_t size = 0;
    while (size < rest_.size() && is_ascii_letter(rest_[size])) ++size;
    const std::string_view letters = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return letters;
  }

 private:
  std::string_view rest_;
};

void append_clock(std::string& out, uint64_t us) {
  fmt::format_to(std::back_inserter(out), "{:02}:{:02}:{:02}", us / kUsPerHour,
                 us / kUsPerMinute % 60, us / kUsPerSecond % 60);
  if (us % kUsPerSecond == 0) return;
  out += fmt::format(".{:06}", us % kUsPerSecond);
  out.erase(out.find_last_not_of('0') + 1);
}

// Reads HH:MM[:SS[.S]] or HHMM[SS]. Returns microseconds; nothing for other texts.
std::optional<int64_t> read_clock(Reader& reader) {
  const auto hours = reader.number(2);
  if (!hours) return std::nullopt;
  reader.take(':');
  const auto minutes = reader.number(2);
  if (!minutes || *minutes > 59) return std::nullopt;
  int64_t us = *hours * kUsPerHour + *minutes * kUsPerMinute;
  if (reader.take(':') || is_ascii_digit(reader.next())) {
    const auto seconds = reader.number(2);
    if (!seconds || *seconds > 60) return std::nullopt;
    us += *seconds * kUsPerSecond + reader.fraction_us();
  }
  if (us > kWrittenUsPerDay) return std::nullopt;
  return us;
}

// Reads Z, UTC or +HH[:MM[:SS]]. Returns seconds east of Greenwich.
std::optional<int32_t> read_zone(Reader& reader) {
  if (is_ascii_letter(reader.next())) {
    const std::string word = upper_case(reader.word());
    return word == "Z" || word == "UTC" || word == "GMT" ? std::optional(0) : std::nullopt;
  }
  const bool is_west = reader.next() == '-';
  if (!reader.take('-') && !reader.take('+')) return std::nullopt;
  const auto hours = reader.number(2);
  if (!hours || *hours > 15) return std::nullopt;
  int64_t seconds = *hours * 3600;
  for (const int64_t unit : {60, 1}) {
    if (!reader.take(':') && !is_ascii_digit(reader.next())) break;
    const auto part = reader.number(2);
    if (!part || *part > 59) return std::nullopt;
    seconds += *part * unit;
  }
  return static_cast<int32_t>(is_west ? -seconds : seconds);
}

std::string zone_text(int32_t east_s) {
  const int32_t size = std::abs(east_s);
  std::string text = fmt::format("{}{:02}", east_s < 0 ? '-' : '+', size / 3600);
  if (size % 3600 != 0) text += fmt::format(":{:02}", size / 60 % 60);
  if (size % 60 != 0) text += fmt::format(":{:02}", size % 60);
  return text;
}

// Reads YYYY-MM-DD and returns days since 1970. Years may have more digits. The year 0 does not exist.
std::optional<int64_t> read_date(Reader& reader, bool is_bc) {
  const auto year = reader.number(7);
  if (!year || !reader.take('-')) return std::nullopt;
  const auto month = reader.number(2);
  if (!month || !reader.take('-')) return std::nullopt;
  const auto day = reader.number(2);
  if (!day) return std::nullopt;
  const CivilDate date{is_bc ? 1 - *year : *year, static_cast<int>(*month), static_cast<int>(*day)};
  if (*year < 1 || !is_valid(date)) return std::nullopt;
  return days_from_civil(date);
}

// Removes BC or AD from the end; returns whether it was BC.
bool take_era(std::string_view& text) {
  while (!text.empty() && is_blank_in_time(text.back())) text.remove_suffix(1);
  if (text.size() < 3) return false;
  const std::string era = upper_case(text.substr(text.size() - 3));
  if (era != " BC" && era != " AD") return false;
  text.remove_suffix(3);
  return era == " BC";
}

Error out_of_range(std::string_view type, std::string_view text) {
  return Error{ErrorCode::InvalidTimestamp,
               fmt::format("{} out of range: \"{}\"", type, text.substr(0, 200))};
}

// The range of PostgreSQL's dates and points in time.
constexpr int64_t kLeastDay = -2'440'588 /* 4714-11-24 BC */, kMostDay = 2'145'031'948,
                  kMostInstantDay = 106'751'990;

// Returns whether a text that could not be parsed has the fields of a date, a time or both. If it
// has, the cause is a field out of range.
bool has_fields(std::string_view text) {
  take_era(text);
  Reader reader(text);
  const auto read = [&reader](size_t digits, char behind) {
    return reader.number(digits) && reader.take(behind);
  };
  reader.blanks();
  const Reader begin = reader;
  bool has_any = read(7, '-') && read(2, '-') && reader.number(2);
  if (!has_any)
    reader = begin;
  else if (!reader.take('T'))
    reader.blanks();
  if (is_ascii_digit(reader.next())) {
    if (!read(2, ':') || !reader.number(2)) return false;
    if (reader.take(':') && !reader.number(2)) return false;
    reader.fraction_us();
    reader.blanks();
    has_any = true;
  }
  if (!reader.at_end() && !read_zone(reader)) return false;
  reader.blanks();
  return has_any && reader.at_end();
}

Error bad_time(std::string_view type, std::string_view text) {
  if (type != "interval" && has_fields(text))
    return Error{ErrorCode::InvalidTimestamp,
                 fmt::format("date/time field value out of range: \"{}\"", text.substr(0, 200))};
  Error error = invalid_text(type, text);
  error.code = ErrorCode::InvalidDatetime;
  return error;
}

// ---- interval

struct UnitRow {
  std::string_view name;  // name of the unit without the s of the plural
  int64_t months, days, us;
};
constexpr UnitRow kUnits[] = {
    {"microsecond", 0, 0, 1},
    {"us", 0, 0, 1},
    {"usec", 0, 0, 1},
    {"millisecond", 0, 0, 1000},
    {"ms", 0, 0, 1000},
    {"msec", 0, 0, 1000},
    {"second", 0, 0, kUsPerSecond},
    {"sec", 0, 0, kUsPerSecond},
    {"s", 0, 0, kUsPerSecond},
    {"minute", 0, 0, kUsPerMinute},
    {"min", 0, 0, kUsPerMinute},
    {"m", 0, 0, kUsPerMinute},
    {"hour", 0, 0, kUsPerHour},
    {"hr", 0, 0, kUsPerHour},
    {"h", 0, 0, kUsPerHour},
    {"day", 0, 1, 0},
    {"d", 0, 1, 0},
    {"week", 0, 7, 0},
    {"w", 0, 7, 0},
    {"month", 1, 0, 0},
    {"mon", 1, 0, 0},
    {"year", 12, 0, 0},
    {"yr", 12, 0, 0},
    {"y", 12, 0, 0},
    {"decade", 120, 0, 0},
    {"century", 1200, 0, 0},
    {"centurie", 1200, 0, 0},
    {"millennium", 12'000, 0, 0},
    {"mil", 12'000, 0, 0},
};
// Units of the ISO form: after P and before the T, and after the T.
constexpr UnitRow kIsoDates[] = {{"Y", 12, 0, 0}, {"M", 1, 0, 0}, {"W", 0, 7, 0}, {"D", 0, 1, 0}};
constexpr UnitRow kIsoTimes[] = {
    {"H", 0, 0, kUsPerHour}, {"M", 0, 0, kUsPerMinute}, {"S", 0, 0, kUsPerSecond}};

// Adds up the parts of an interval, and detects overflows.
struct Sum {
  int64_t months = 0, days = 0, us = 0;
  bool fits = true;

  void add(int64_t& to, int64_t count, int64_t unit) {
    int64_t product = 0;
    if (__builtin_mul_overflow(count, unit, &product) || __builtin_add_overflow(to, product, &to))
      fits = false;
  }
  // Adds `whole` units and `millionths` of a unit. A fraction is carried to the next smaller unit: half a month is 15
  // days.
  void add(const UnitRow& unit, int64_t whole, int64_t millionths) {
    add(months, whole, unit.months);
    add(days, whole, unit.days);
    add(us, whole, unit.us);
    if (millionths == 0) return;
    if (unit.months > 1) return add(months, millionths * unit.months / 1'000'000, 1);
    const int64_t part_days = millionths * (unit.days + unit.months * kIntervalDaysPerMonth);
    add(days, part_days / 1'000'000, 1);
    add(us, part_days % 1'000'000, kWrittenUsPerDay / 1'000'000);
    add(us, unit.us == 1 ? millionths >= 500'000 : millionths * (unit.us / 1000) / 1000, 1);
  }
};

const UnitRow* find_unit(std::span<const UnitRow> units, std::string_view name) {
  for (const UnitRow& unit : units)
    if (unit.name == name) return &unit;
  return nullptr;
}

// Reads a sign and returns whether it is negative. As in PostgreSQL, blanks may follow the sign: 1 month - 1 day.
bool read_sign(Reader& reader) {
  const bool is_negative = reader.take('-');
  if (is_negative || reader.take('+')) reader.blanks();
  return is_negative;
}

struct Quantity {
  int64_t whole = 0, millionths = 0;  // both are negative for a negative number
};
std::optional<Quantity> read_quantity(Reader& reader) {
  const bool is_negative = read_sign(reader);
  if (!is_ascii_digit(reader.next()) && reader.next() != '.') return std::nullopt;
  const int64_t whole = reader.number().value_or(0), millionths = reader.fraction_us();
  return is_negative ? Quantity{-whole, -millionths} : Quantity{whole, millionths};
}

// Returns whether a time of day follows. A number before a time of day is a number of days: 1 2:03:04.
bool is_before_clock(Reader reader) {
  read_sign(reader);
  return reader.number() && reader.next() == ':';
}

// Reads an interval in ISO 8601: P1Y2M3DT4H5M6.7S.
bool read_iso(Reader& reader, Sum& sum) {
  bool in_time = false, has_any = false;
  while (!reader.at_end()) {
    if (!in_time && reader.take('T')) {
      in_time = true;
      continue;
    }
    const auto quantity = read_quantity(reader);
    const std::string_view letter = reader.rest().substr(0, 1);
    const UnitRow* unit = in_time ? find_unit(kIsoTimes, letter) : find_unit(kIsoDates, letter);
    if (!quantity || !unit || !reader.take(letter.front())) return false;
    sum.add(*unit, quantity->whole, quantity->millionths);
    has_any = true;
  }
  return has_any;
}

// Reads one part of an interval: 1-2 (years and months), 04:05[:06.7], 3 days, or 5 (seconds).
bool read_part(Reader& reader, Sum& sum) {
  Reader behind = reader;
  const bool is_negative = read_sign(behind);
  const auto first = behind.number();
  if (first && behind.take(':')) {
    const auto minutes = behind.number();
    if (!minutes || *minutes > 59) return false;
    int64_t us = *minutes * kUsPerMinute;
    if (behind.take(':')) {
      const auto seconds = behind.number();
      if (!seconds || *seconds > 60) return false;
      us += *seconds * kUsPerSecond + behind.fraction_us();
    }
    sum.add(sum.us, is_negative ? -*first : *first, kUsPerHour);
    sum.add(sum.us, is_negative ? -us : us, 1);
    reader = behind;
    return true;
  }
  if (first && behind.take('-')) {
    const auto months = behind.number();
    if (!months || *months > 11) return false;
    if (!behind.at_end() && !is_blank_in_time(behind.next())) return false;  // 2023-06-01 is a date
    sum.add(sum.months, is_negative ? -*first : *first, 12);
    sum.add(sum.months, is_negative ? -*months : *months, 1);
    reader = behind;
    return true;
  }
  const auto quantity = read_quantity(reader);
  if (!quantity || reader.next() == '.') return false;  // 01.06.2023 is a date
  reader.blanks();
  std::string name = lower_case(reader.word());
  if (name.empty()) name = is_before_clock(reader) ? "day" : "s";
  const UnitRow* unit = find_unit(kUnits, name);
  if (!unit && name.ends_with('s')) unit = find_unit(kUnits, name.substr(0, name.size() - 1));
  if (!unit) return false;
  sum.add(*unit, quantity->whole, quantity->millionths);
  return true;
}

bool has_signs_behind_blanks(std::string_view text) {
  for (size_t i = 1; i < text.size(); ++i)
    if ((text[i] == '-' || text[i] == '+') && is_blank_in_time(text[i - 1])) return true;
  return false;
}

bool read_interval(Reader& reader, Sum& sum) {
  if (reader.take('P')) return read_iso(reader, sum);
  for (bool has_any = false;; has_any = true) {
    reader.blanks();
    if (reader.at_end()) return has_any;
    if (has_any && lower_case(reader.rest()) == "ago") {
      sum = {-sum.months, -sum.days, -sum.us, sum.fits};
      return true;
    }
    if (!read_part(reader, sum)) return false;
  }
}

}  // namespace

Result<Interval> parse_interval(std::string_view text, IntervalStyle style) {
  constexpr size_t kMostBytes = 256;  // the limit of PostgreSQL
  if (text.size() > kMostBytes) return bad_time("interval", text.substr(0, kMostBytes));
  Reader reader(text);
  Sum sum;
  reader.blanks();
  reader.take('@');
  reader.blanks();
  if (style == IntervalStyle::SqlStandard && reader.next() == '-' &&
      !has_signs_behind_blanks(reader.rest())) {
    reader.take('-');
    return opposite(TRY(parse_interval(reader.rest())));
  }
  if (!read_interval(reader, sum)) return bad_time("interval", text);
  if (!sum.fits || sum.months != static_cast<int32_t>(sum.months) ||
      sum.days != static_cast<int32_t>(sum.days))
    return Error{ErrorCode::InvalidTimestamp,
                 fmt::format("interval field value out of range: \"{}\"", text.substr(0, 200))};
  return Interval{sum.us, static_cast<int32_t>(sum.days), static_cast<int32_t>(sum.months)};
}

// Prints an interval in PostgreSQL's own style. A positive part after a negative part has a sign.
std::string interval_text(const Interval& interval) {
  std::string text;
  bool is_behind_negative = false;
  const auto add = [&](int64_t count, std::string_view unit) {
    if (count == 0) return;
    if (!text.empty()) text += ' ';
    text += fmt::format("{}{} {}{}", is_behind_negative && count > 0 ? "+" : "", count, unit,
                        count == 1 ? "" : "s");
    is_behind_negative = count < 0;
  };
  add(interval.months / 12, "year");
  add(interval.months % 12, "mon");
  add(interval.days, "day");
  if (interval.us == 0 && !text.empty()) return text;
  if (!text.empty()) text += ' ';
  if (interval.us < 0)
    text += '-';
  else if (is_behind_negative)
    text += '+';
  // Negated as an unsigned number, because the smallest int64 has no negation.
  const uint64_t size =
      interval.us < 0 ? -static_cast<uint64_t>(interval.us) : static_cast<uint64_t>(interval.us);
  append_clock(text, size);
  return text;
}

Result<std::string> normal_interval(std::string_view text) {
  return interval_text(TRY(parse_interval(text)));
}

std::string comparable_interval(std::string_view text) {
  const auto interval = parse_interval(text);
  if (!interval) return std::string(text);
  __int128 us = interval->us;
  us += (interval->days + static_cast<__int128>(interval->months) * kIntervalDaysPerMonth) *
        kWrittenUsPerDay;
  us += static_cast<__int128>(1) << 80;  // makes every number positive and of the same length
  std::string digits;
  for (; us > 0; us /= 10) digits.insert(digits.begin(), static_cast<char>('0' + us % 10));
  return digits;
}

Result<TimeWithZone> parse_timetz(std::string_view text) {
  Reader reader(text);
  TimeWithZone time;
  reader.blanks();
  const auto clock = read_clock(reader);
  if (!clock) return bad_time("time with time zone", text);
  time.us = *clock;
  reader.blanks();
  if (!reader.at_end()) {
    const auto zone = read_zone(reader);
    reader.blanks();
    if (!zone || !reader.at_end()) return bad_time("time with time zone", text);
    time.east_s = *zone;
  }
  return time;
}

std::string timetz_text(const TimeWithZone& time) {
  std::string text;
  append_clock(text, static_cast<uint64_t>(time.us));
  return text + zone_text(time.east_s);
}

Result<std::string> normal_timetz(std::string_view text) {
  return timetz_text(TRY(parse_timetz(text)));
}

Result<int64_t> parse_instant_us(std::string_view text, Zones zones, std::string_view type) {
  std::string_view rest = text;
  const bool is_bc = take_era(rest);
  Reader reader(rest);
  reader.blanks();
  const std::string word = lower_case(reader.rest());
  if (word == "infinity") return kInfinityUs;
  if (word == "-infinity") return kMinusInfinityUs;
  if (word == "epoch") return 0;
  const auto days = read_date(reader, is_bc);
  if (!days) return bad_time(type, text);
  if (*days < kLeastDay || *days > kMostInstantDay) return out_of_range(type, text);
  int64_t us = *days * kWrittenUsPerDay;
  if (!reader.take('T')) reader.blanks();
  if (!reader.at_end()) {
    const auto clock = read_clock(reader);
    if (!clock) return bad_time(type, text);
    us += *clock;
    reader.blanks();
  }
  if (!reader.at_end()) {
    const auto zone = read_zone(reader);
    reader.blanks();
    if (!zone || !reader.at_end()) return bad_time(type, text);
    if (zones == Zones::Kept) us -= *zone * kUsPerSecond;
  }
  return us;
}

std::string instant_text(int64_t us, bool with_zone) {
  if (us == kInfinityUs) return "infinity";
  if (us == kMinusInfinityUs) return "-infinity";
  int64_t days = us / kWrittenUsPerDay, us_of_day = us % kWrittenUsPerDay;
  if (us_of_day < 0) --days, us_of_day += kWrittenUsPerDay;
  std::string text = days_text(static_cast<int32_t>(days));
  const bool is_bc = text.ends_with(" BC");
  if (is_bc) text.resize(text.size() - 3);
  text += ' ';
  append_clock(text, static_cast<uint64_t>(us_of_day));
  if (with_zone) text += "+00";
  return is_bc ? text + " BC" : text;
}

int64_t ms_of_us(int64_t us) {
  constexpr int64_t kUsPerMs = 1'000;
  return us / kUsPerMs - (us % kUsPerMs < 0 ? 1 : 0);
}

Result<std::string> normal_timestamp(std::string_view text) {
  return instant_text(TRY(parse_instant_us(text, Zones::Dropped, "timestamp")), false);
}
Result<std::string> normal_timestamptz(std::string_view text) {
  return instant_text(TRY(parse_instant_us(text, Zones::Kept, "timestamp with time zone")), true);
}

std::string comparable_timestamp(std::string_view text) {
  const auto us = parse_instant_us(text, Zones::Kept, "timestamp");
  if (!us) return std::string(text);
  return fmt::format("{:020}", static_cast<uint64_t>(*us) ^ (uint64_t{1} << 63));
}
std::optional<int32_t> parse_plain_days(std::string_view text) {
  if (const auto days = parse_date(text)) return days;
  constexpr std::string_view kForm = "2024-02-29";
  if (text.size() <= kForm.size()) return std::nullopt;
  if (!parse_date(text.substr(0, kForm.size()))) return std::nullopt;
  const auto days = parse_days(text);  // ignores a time that follows, but not BC
  return days ? std::optional(*days) : std::nullopt;
}

std::string comparable_date(std::string_view text) {
  const auto days = parse_days(text);
  if (!days) return std::string(text);
  return fmt::format("{:010}", static_cast<uint32_t>(*days) ^ (uint32_t{1} << 31));
}

Result<std::string> normal_date(std::string_view text) { return days_text(TRY(parse_days(text))); }

Result<int64_t> parse_time_us(std::string_view text) {
  Reader reader(text);
  reader.blanks();
  Reader behind_date = reader;
  if (read_date(behind_date, false)) {
    reader = behind_date;
    if (!reader.take('T')) reader.blanks();
  }
  const auto clock = read_clock(reader);
  if (!clock) return bad_time("time", text);
  reader.blanks();
  if (!reader.at_end()) {
    const auto zone = read_zone(reader);
    reader.blanks();
    if (!zone || !reader.at_end()) return bad_time("time", text);
  }
  return *clock;
}
std::string time_us_text(int64_t us) {
  std::string text;
  append_clock(text, static_cast<uint64_t>(us));
  return text;
}
Result<std::string> normal_time(std::string_view text) {
  return time_us_text(TRY(parse_time_us(text)));
}

std::string_view without_zone(std::string_view text) {
  const size_t clock = text.find(':');
  if (clock == std::string_view::npos) return text;
  text = text.substr(0, text.find_first_of("+-ZzUuGg", clock));
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// Parses a date to days since 1970. A time after the date is ignored, as in PostgreSQL.
Result<int32_t> parse_days(std::string_view text) {
  std::string_view rest = text;
  const bool is_bc = take_era(rest);
  Reader reader(rest);
  reader.blanks();
  const std::string word = lower_case(reader.rest());
  if (word == "infinity") return kInfinityDays;
  if (word == "-infinity") return kMinusInfinityDays;
  if (word == "epoch") return 0;
  const auto days = read_date(reader, is_bc);
  if (!days) return bad_time("date", text);
  if (*days < kLeastDay || *days > kMostDay) return out_of_range("date", text);
  if (!reader.take('T')) reader.blanks();
  if (!reader.at_end() && !parse_time_us(reader.rest())) {
    const auto zone = read_zone(reader);
    reader.blanks();
    if (!zone || !reader.at_end()) return bad_time("date", text);
  }
  return static_cast<int32_t>(*days);
}

std::string days_text(int32_t days) {
  if (days == kInfinityDays) return "infinity";
  if (days == kMinusInfinityDays) return "-infinity";
  const CivilDate date = civil_from_days(days);
  const bool is_bc = date.year < 1;
  return fmt::format("{:04}-{:02}-{:02}{}", is_bc ? 1 - date.year : date.year, date.month, date.day,
                     is_bc ? " BC" : "");
}

}  // namespace engine
