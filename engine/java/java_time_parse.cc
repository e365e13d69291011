// Parses dates and times by a pattern as DateTimeFormatter does, with smart resolution and in any
// letter case.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "engine/java/java_pattern.h"
#include "engine/java/java_time.h"
#include "engine/types/ascii.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

struct ParsedFields {
  std::array<std::optional<int64_t>, kTimeFields> values;
  std::optional<TimeZone> zone;     // a region, or an offset where a region may stand
  std::optional<int32_t> offset_s;  // an offset from a pattern letter for offsets

  std::optional<int64_t>& operator[](TimeField field) { return values[static_cast<size_t>(field)]; }
  const std::optional<int64_t>& operator[](TimeField field) const {
    return values[static_cast<size_t>(field)];
  }
};

// The smallest and largest value of a field, as in Java's ChronoField.
struct FieldRange {
  int64_t smallest, largest;
};
FieldRange range_of(TimeField field) {
  constexpr int64_t kMaxYear = 999'999'999;
  switch (field) {
    case TimeField::Year:
    case TimeField::WeekYear:
      return {-kMaxYear, kMaxYear};
    case TimeField::YearOfEra:
      return {1, kMaxYear};
    case TimeField::Quarter:
      return {1, 4};
    case TimeField::Month:
    case TimeField::HalfClockHour:
      return {1, 12};
    case TimeField::Day:
      return {1, 31};
    case TimeField::DayOfYear:
      return {1, 366};
    case TimeField::DayOfWeek:
    case TimeField::LocalDayOfWeek:
      return {1, 7};
    case TimeField::Week:
      return {1, 54};
    case TimeField::WeekOfMonth:
      return {0, 6};
    case TimeField::WeekdayOfMonth:
      return {1, 5};
    case TimeField::Era:
    case TimeField::HalfOfDay:
      return {0, 1};
    case TimeField::Hour:
      return {0, 24};  // 24:00 is the end of the day
    case TimeField::ClockHour:
      return {1, 24};
    case TimeField::HalfHour:
      return {0, 11};
    case TimeField::Minute:
    case TimeField::Second:
      return {0, 59};
    case TimeField::MilliOfDay:
      return {0, kMsPerDay - 1};
    case TimeField::NanoOfDay:
      return {0, kMsPerDay * kNanosPerMs - 1};
    default:
      return {0, kNanosPerSecond - 1};
  }
}

// Matches a text with the steps of a pattern. The functions return the end of the matched part. If
// the text does not match, they return nothing and store the failure, unless an earlier one was
// farther in the text.
class PatternMatcher {
 public:
  PatternMatcher(std::string_view text, const std::vector<TimeStep>& steps)
      : text_(text), steps_(steps) {}

  Result<ParsedFields> run() {
    const auto end = match(0, steps_.size(), 0);
    if (end && *end == text_.size()) return std::move(fields_);
    if (end)
      return Error{ErrorCode::InvalidDatetime,
                   fmt::format("Text '{}' could not be parsed, unparsed text found at index {}",
                               text_, *end)};
    return Error{ErrorCode::InvalidDatetime,
                 fmt::format("Text '{}' could not be parsed at index {}", text_, failed_at_)};
  }

 private:
  using End = std::optional<size_t>;

  End fail(size_t at) {
    failed_at_ = at;
    return std::nullopt;
  }

  End match(size_t from, size_t to, size_t at) {
    for (size_t i = from; i < to; ++i) {
      const TimeStep& step = steps_[i];
      if (step.kind == StepKind::OptionalEnd) continue;
      if (step.kind == StepKind::OptionalStart) {
        const ParsedFields saved = fields_;
        const End end = match(i + 1, step.group_end, at);
        if (end)
          at = *end;
        else
          fields_ = saved;
        i = step.group_end;
        continue;
      }
      const End end = match_padded(step, at);
      if (!end) return std::nullopt;
      at = *end;
    }
    return at;
  }

  End match_padded(const TimeStep& step, size_t at) {
    if (step.pad_width == 0) return match_step(step, at);
    const size_t end = at + static_cast<size_t>(step.pad_width);
    if (end > text_.size()) return fail(at);
    size_t start = at;
    while (start < end && text_[start] == ' ') ++start;
    const End stopped = match_step(step, start);
    if (!stopped || *stopped != end) return fail(at);
    return stopped;
  }

  End match_step(const TimeStep& step, size_t at) {
    switch (step.kind) {
      case StepKind::Literal:
        if (!equals_ignoring_case(text_.substr(at, step.literal.size()), step.literal))
          return fail(at);
        return at + step.literal.size();
      case StepKind::Number:
        return match_number(step, at);
      case StepKind::ShortYear:
        return match_short_year(step, at);
      case StepKind::Fraction:
        return match_fraction(step, at);
      case StepKind::Text:
        return match_text(step, at);
      case StepKind::ZoneId:
      case StepKind::ZoneName:
        return match_zone(at);
      case StepKind::LocalOffset:
        return match_local_offset(step, at);
      default:
        return match_offset(step, at);
    }
  }

  End set(TimeField field, int64_t value, size_t at, size_t end) {
    auto& slot = fields_[field];
    if (slot && *slot != value) return fail(at);
    slot = value;
    return end;
  }

  size_t digits_from(size_t at, size_t most) const {
    size_t end = at;
    while (end < text_.size() && end - at < most && is_ascii_digit(text_[end])) ++end;
    return end - at;
  }

  int64_t number_at(size_t at, size_t count) const {
    int64_t value = 0;
    for (size_t i = at; i < at + count; ++i)
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, text_[i] - '0', &value))
        return INT64_MAX;  // a value that is out of range for every field
    return value;
  }

  End match_number(const TimeStep& step, size_t at) {
    bool negative = false, positive = false;
    size_t start = at;
    if (start < text_.size() && step.sign != SignStyle::NotNegative) {
      negative = text_[start] == '-';
      positive = text_[start] == '+' && step.sign == SignStyle::ExceedsPad;
      start += negative || positive ? 1 : 0;
    }
    const auto least = static_cast<size_t>(step.min_width);
    const auto reserved = static_cast<size_t>(step.reserved_width);
    size_t count = digits_from(start, static_cast<size_t>(step.max_width) + reserved);
    if (reserved > 0) count = std::max(least, count < reserved ? 0 : count - reserved);
    if (count < least || digits_from(start, count) < count) return fail(at);
    // When a number has more digits than the pattern has letters, Java prints a plus sign before
    // it. So parsing also requires the sign.
    if (step.sign == SignStyle::ExceedsPad && !negative && (count > least) != positive)
      return fail(at);
    const int64_t value = number_at(start, count);
    if (negative && value == 0) return fail(at);
    return set(step.field, negative ? -value : value, at, start + count);
  }

  End match_short_year(const TimeStep& step, size_t at) {
    if (digits_from(at, 2) < 2) return fail(at);
    return set(step.field, 2000 + number_at(at, 2), at, at + 2);
  }

  End match_fraction(const TimeStep& step, size_t at) {
    const auto width = static_cast<size_t>(step.max_width);
    if (digits_from(at, width) < width) return fail(at);
    int64_t nanos = number_at(at, width);
    for (size_t i = width; i < 9; ++i) nanos *= 10;
    return set(step.field, nanos, at, at + width);
  }

  End match_text(const TimeStep& step, size_t at) {
    const FieldNames names = names_of(step.field, step.text);
    const std::string_view rest = text_.substr(at);
    size_t best = names.names.size();
    for (size_t i = 0; i < names.names.size(); ++i)
      if (starts_ignoring_case(rest, names.names[i]) &&
          (best == names.names.size() || names.names[i].size() > names.names[best].size()))
        best = i;
    if (best == names.names.size()) return fail(at);
    return set(step.field, names.first_value + static_cast<int64_t>(best), at,
               at + names.names[best].size());
  }

  End match_zone(size_t at) {
    const std::string_view rest = text_.substr(at);
    if (rest.empty()) return fail(at);
    if (rest[0] == 'Z' || rest[0] == 'z') {
      fields_.zone = TimeZone::utc();
      return at + 1;
    }
    const auto named = TimeZone::parse_name(rest);
    if (!named) return fail(at);
    fields_.zone = named->zone;
    return at + named->size;
  }

  End match_offset(const TimeStep& step, size_t at) {
    const std::string_view rest = text_.substr(at);
    if (starts_ignoring_case(rest, step.literal)) return set_offset(0, at + step.literal.size());
    if (rest.empty() || (rest[0] != '+' && rest[0] != '-')) return fail(at);
    int64_t parts[3] = {0, 0, 0};
    size_t end = at + 1;
    const size_t most = step.seconds ? 3 : 2;
    for (size_t part = 0; part < most; ++part) {
      size_t start = end;
      if (part > 0 && step.colon) {
        if (start >= text_.size() || text_[start] != ':') {
          if (part == 1) return fail(at);
          break;
        }
        ++start;
      }
      if (digits_from(start, 2) < 2) {
        if (part == 0 || (part == 1 && !step.minutes_optional)) return fail(at);
        break;
      }
      parts[part] = number_at(start, 2);
      end = start + 2;
    }
    const int64_t seconds = parts[0] * 3600 + parts[1] * 60 + parts[2];
    if (parts[1] > 59 || parts[2] > 59 || seconds > 18 * 3600) return fail(at);
    return set_offset(static_cast<int32_t>(rest[0] == '-' ? -seconds : seconds), end);
  }

  End match_local_offset(const TimeStep& step, size_t at) {
    if (!starts_ignoring_case(text_.substr(at), "GMT")) return fail(at);
    const size_t start = at + 3;
    if (start >= text_.size() || (text_[start] != '+' && text_[start] != '-'))
      return set_offset(0, start);
    const size_t hours = digits_from(start + 1, 2);
    if (hours == 0 || (step.text == TextWidth::Full && hours != 2)) return fail(at);
    int64_t seconds = number_at(start + 1, hours) * 3600;
    size_t end = start + 1 + hours;
    if (end < text_.size() && text_[end] == ':' && digits_from(end + 1, 2) == 2) {
      seconds += number_at(end + 1, 2) * 60;
      end += 3;
    }
    if (seconds > 18 * 3600) return fail(at);
    return set_offset(static_cast<int32_t>(text_[start] == '-' ? -seconds : seconds), end);
  }

  size_t set_offset(int32_t seconds, size_t end) {
    fields_.offset_s = seconds;
    return end;
  }

  std::string_view text_;
  const std::vector<TimeStep>& steps_;
  ParsedFields fields_;
  size_t failed_at_ = 0;
};

Status check_ranges(const ParsedFields& fields) {
  for (size_t i = 0; i < kTimeFields; ++i) {
    const auto field = static_cast<TimeField>(i);
    const FieldRange range = range_of(field);
    if (fields.values[i] &&
        (*fields.values[i] < range.smallest || *fields.values[i] > range.largest))
      return Error{ErrorCode::InvalidDatetime,
                   fmt::format("Invalid value for {} (valid values {} - {}): {}", java_name(field),
                               range.smallest, field == TimeField::Hour ? 23 : range.largest,
                               *fields.values[i])};
  }
  return {};
}

std::optional<int64_t> year_of(const ParsedFields& fields) {
  if (fields[TimeField::Year]) return fields[TimeField::Year];
  const auto& year = fields[TimeField::YearOfEra];
  if (!year) return std::nullopt;
  return fields[TimeField::Era].value_or(1) == 1 ? *year : 1 - *year;
}

// Returns the days since 1970 of the date fields. Missing fields are those of 1970-01-01.
Result<int64_t> resolve_date(const ParsedFields& fields) {
  const std::optional<int64_t> given_year = year_of(fields);
  const int64_t year = given_year.value_or(1970);
  if (const auto day_of_year = fields[TimeField::DayOfYear]) {
    if (*day_of_year == 366 && !given_year)
      return Error{ErrorCode::InvalidDatetime,
                   "Leap day cannot be parsed without supplying the year field"};
    if (*day_of_year == 366 && !is_leap_year(year))
      return Error{ErrorCode::InvalidDatetime,
                   fmt::format("Invalid date 'DayOfYear 366' as '{}' is not a leap year", year)};
    return days_from_civil({year, 1, 1}) + *day_of_year - 1;
  }
  const auto month = static_cast<int>(fields[TimeField::Month].value_or(1));
  // Smart resolution: the 31st of a shorter month is its last day.
  const int day = static_cast<int>(
      std::min<int64_t>(fields[TimeField::Day].value_or(1), days_in_month(year, month)));
  const int64_t days = days_from_civil({year, month, day});
  const auto& weekday = fields[TimeField::DayOfWeek];
  const bool is_whole = given_year && fields[TimeField::Month] && fields[TimeField::Day];
  if (weekday && is_whole && *weekday != day_of_week(days))
    return Error{ErrorCode::InvalidDatetime,
                 fmt::format("Conflict found: Field DayOfWeek {} differs from DayOfWeek {} derived "
                             "from the date",
                             day_of_week(days), *weekday)};
  return days;
}

std::optional<int64_t> hour_of(const ParsedFields& fields) {
  if (fields[TimeField::Hour]) return fields[TimeField::Hour];
  if (fields[TimeField::ClockHour]) return *fields[TimeField::ClockHour] % 24;
  const auto& half = fields[TimeField::HalfOfDay];
  if (fields[TimeField::HalfHour]) return half.value_or(0) * 12 + *fields[TimeField::HalfHour];
  if (fields[TimeField::HalfClockHour])
    return half.value_or(0) * 12 + *fields[TimeField::HalfClockHour] % 12;
  if (half) return *half * 12;
  return std::nullopt;
}

// Returns the milliseconds of the day; 24:00 is the number of a whole day.
Result<int64_t> resolve_time(const ParsedFields& fields) {
  if (fields[TimeField::NanoOfDay]) return *fields[TimeField::NanoOfDay] / kNanosPerMs;
  if (fields[TimeField::MilliOfDay]) return *fields[TimeField::MilliOfDay];
  const int64_t ms = hour_of(fields).value_or(0) * kMsPerHour +
                     fields[TimeField::Minute].value_or(0) * kMsPerMinute +
                     fields[TimeField::Second].value_or(0) * kMsPerSecond +
                     fields[TimeField::Nano].value_or(0) / kNanosPerMs;
  if (ms > kMsPerDay)
    return Error{ErrorCode::InvalidDatetime,
                 "Invalid value for HourOfDay (valid values 0 - 23): 24"};
  return ms;
}

}  // namespace

Result<int64_t> TimePattern::parse_timestamp(std::string_view text, const TimeZone& zone) const {
  const ParsedFields fields = TRY(PatternMatcher(text, steps_).run());
  TRY(check_ranges(fields));
  constexpr int64_t kMaxYear = 200'000'000;  // the milliseconds of later years do not fit 64 bits
  if (std::abs(year_of(fields).value_or(0)) > kMaxYear)
    return Error{ErrorCode::OutOfRange, "the year is out of range"};
  const int64_t local_ms = TRY(resolve_date(fields)) * kMsPerDay + TRY(resolve_time(fields));
  if (fields.offset_s) return local_ms - *fields.offset_s * kMsPerSecond;
  return (fields.zone ? *fields.zone : zone).to_epoch_ms(local_ms);
}

Result<int32_t> TimePattern::parse_date(std::string_view text) const {
  const ParsedFields fields = TRY(PatternMatcher(text, steps_).run());
  TRY(check_ranges(fields));
  const bool has_day =
      fields[TimeField::DayOfYear] || (fields[TimeField::Month] && fields[TimeField::Day]);
  const std::optional<int64_t> year = year_of(fields);
  if (!year || !has_day)
    return Error{ErrorCode::InvalidDatetime,
                 fmt::format("Text '{}' could not be parsed: Unable to obtain LocalDate", text)};
  constexpr int64_t kMaxYear = 5'000'000;  // the days of years up to this one fit 32 bits
  if (std::abs(*year) > kMaxYear) return Error{ErrorCode::OutOfRange, "the year is out of range"};
  return static_cast<int32_t>(TRY(resolve_date(fields)));
}

Result<int32_t> TimePattern::parse_time(std::string_view text) const {
  const ParsedFields fields = TRY(PatternMatcher(text, steps_).run());
  TRY(check_ranges(fields));
  for (size_t i = 0; i < kTimeFields; ++i)
    if (fields.values[i] && is_date_field(static_cast<TimeField>(i)))
      return Error{ErrorCode::InvalidDatetime, "Time format contains date field."};
  const bool is_half = !fields[TimeField::Hour] && !fields[TimeField::ClockHour];
  const bool has_hour = hour_of(fields) && (!is_half || fields[TimeField::HalfOfDay]);
  if (!has_hour && !fields[TimeField::NanoOfDay] && !fields[TimeField::MilliOfDay])
    return Error{ErrorCode::InvalidDatetime,
                 fmt::format("Text '{}' could not be parsed: Unable to obtain LocalTime", text)};
  return static_cast<int32_t>(TRY(resolve_time(fields)) % kMsPerDay);
}

}  // namespace engine
