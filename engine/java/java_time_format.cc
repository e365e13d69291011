// Formats dates and times by a pattern.
#include <fmt/format.h>

#include <array>
#include <optional>

#include "engine/java/java_pattern.h"
#include "engine/java/java_time.h"
#include "engine/types/text_time.h"
#include "engine/types/time_math.h"

namespace engine {

namespace {

// The value to print; a date has no time, a time has no date, and neither has a zone.
struct Moment {
  std::optional<int64_t> epoch_day;
  std::optional<int64_t> nano_of_day;
  const TimeZone* zone = nullptr;
  int64_t epoch_ms = 0;
};

// The week of a day as in Java's Locale.US: weeks begin on Sunday, and the week of January 1st is
// the first.
struct LocalWeek {
  int64_t year;
  int64_t week;
};
int sunday_based(int64_t epoch_day) { return day_of_week(epoch_day) % 7; }  // Sunday is 0

int64_t first_week_start(int64_t year) {
  const int64_t first = days_from_civil({year, 1, 1});
  return first - sunday_based(first);
}

LocalWeek local_week(int64_t epoch_day) {
  const int64_t year = civil_from_days(epoch_day).year;
  const int64_t week_year = epoch_day >= first_week_start(year + 1) ? year + 1 : year;
  return {week_year, (epoch_day - first_week_start(week_year)) / 7 + 1};
}

int64_t date_value(TimeField field, int64_t epoch_day) {
  const CivilDate date = civil_from_days(epoch_day);
  switch (field) {
    case TimeField::Era:
      return date.year > 0 ? 1 : 0;
    case TimeField::Year:
      return date.year;
    case TimeField::YearOfEra:
      return date.year > 0 ? date.year : 1 - date.year;
    case TimeField::Quarter:
      return (date.month - 1) / 3 + 1;
    case TimeField::Month:
      return date.month;
    case TimeField::Day:
      return date.day;
    case TimeField::DayOfYear:
      return epoch_day - days_from_civil({date.year, 1, 1}) + 1;
    case TimeField::DayOfWeek:
      return day_of_week(epoch_day);
    case TimeField::LocalDayOfWeek:
      return sunday_based(epoch_day) + 1;
    case TimeField::WeekYear:
      return local_week(epoch_day).year;
    case TimeField::Week:
      return local_week(epoch_day).week;
    case TimeField::WeekOfMonth:
      return (date.day - 1 + sunday_based(epoch_day - date.day + 1)) / 7 + 1;
    default:
      return (date.day - 1) / 7 + 1;
  }
}

int64_t time_value(TimeField field, int64_t nano_of_day) {
  const int64_t second_of_day = nano_of_day / kNanosPerSecond;
  const int64_t hour = second_of_day / 3600;
  switch (field) {
    case TimeField::HalfOfDay:
      return hour / 12;
    case TimeField::Hour:
      return hour;
    case TimeField::ClockHour:
      return hour == 0 ? 24 : hour;
    case TimeField::HalfHour:
      return hour % 12;
    case TimeField::HalfClockHour:
      return hour % 12 == 0 ? 12 : hour % 12;
    case TimeField::Minute:
      return second_of_day / 60 % 60;
    case TimeField::Second:
      return second_of_day % 60;
    case TimeField::Milli:
      return nano_of_day % kNanosPerSecond / kNanosPerMs;
    case TimeField::Nano:
      return nano_of_day % kNanosPerSecond;
    case TimeField::MilliOfDay:
      return nano_of_day / kNanosPerMs;
    default:
      return nano_of_day;
  }
}

Result<int64_t> value_of(TimeField field, const Moment& moment) {
  const auto& part = is_date_field(field) ? moment.epoch_day : moment.nano_of_day;
  if (!part)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("Unsupported field: {}", java_name(field))};
  return is_date_field(field) ? date_value(field, *part) : time_value(field, *part);
}

Status append_number(std::string& out, const TimeStep& step, int64_t value) {
  const bool negative = value < 0;
  const std::string digits = fmt::format("{}", negative ? -value : value);
  if (static_cast<int>(digits.size()) > step.max_width ||
      (negative && step.sign == SignStyle::NotNegative))
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("Field {} cannot be printed as the value {} exceeds the maximum "
                             "print width of {}",
                             java_name(step.field), value, step.max_width)};
  if (negative)
    out += '-';
  else if (step.sign == SignStyle::ExceedsPad && step.min_width < 19 &&
           static_cast<int>(digits.size()) > step.min_width)
    out += '+';
  if (static_cast<int>(digits.size()) < step.min_width)
    out.append(static_cast<size_t>(step.min_width) - digits.size(), '0');
  out += digits;
  return {};
}

void append_offset(std::string& out, const TimeStep& step, int64_t offset_s) {
  if (offset_s == 0) {
    out += step.literal;
    return;
  }
  const int64_t size = offset_s < 0 ? -offset_s : offset_s;
  const int64_t minutes = size / 60 % 60, seconds = size % 60;
  const std::string_view colon = step.colon ? ":" : "";
  out += fmt::format("{}{:02}", offset_s < 0 ? '-' : '+', size / 3600);
  if (!step.minutes_optional || minutes != 0) out += fmt::format("{}{:02}", colon, minutes);
  if (step.seconds && seconds != 0) out += fmt::format("{}{:02}", colon, seconds);
}

void append_local_offset(std::string& out, const TimeStep& step, int64_t offset_s) {
  out += "GMT";
  if (offset_s == 0) return;
  const int64_t size = offset_s < 0 ? -offset_s : offset_s;
  const char sign = offset_s < 0 ? '-' : '+';
  const int64_t minutes = size / 60 % 60;
  if (step.text == TextWidth::Full)
    out += fmt::format("{}{:02}:{:02}", sign, size / 3600, minutes);
  else if (minutes == 0)
    out += fmt::format("{}{}", sign, size / 3600);
  else
    out += fmt::format("{}{}:{:02}", sign, size / 3600, minutes);
}

Status append_zone(std::string& out, const TimeStep& step, const Moment& moment) {
  if (moment.zone == nullptr)
    return Error{ErrorCode::InvalidParameter,
                 "Unable to extract ZoneId from a value without a time zone"};
  const int64_t offset_s = moment.zone->offset_ms(moment.epoch_ms) / kMsPerSecond;
  switch (step.kind) {
    case StepKind::ZoneId:
      out += moment.zone->id();
      break;
    case StepKind::ZoneName:
      out += step.text == TextWidth::Full ? moment.zone->long_name(moment.epoch_ms)
                                          : moment.zone->short_name(moment.epoch_ms);
      break;
    case StepKind::LocalOffset:
      append_local_offset(out, step, offset_s);
      break;
    default:
      append_offset(out, step, offset_s);
  }
  return {};
}

Status append_step(std::string& out, const TimeStep& step, const Moment& moment) {
  switch (step.kind) {
    case StepKind::Literal:
      out += step.literal;
      return {};
    case StepKind::Number:
      return append_number(out, step, TRY(value_of(step.field, moment)));
    case StepKind::ShortYear:
      out += fmt::format("{:02}", std::abs(TRY(value_of(step.field, moment))) % 100);
      return {};
    case StepKind::Fraction:
      out += fmt::format("{:09}", TRY(value_of(step.field, moment))).substr(0, step.max_width);
      return {};
    case StepKind::Text: {
      const FieldNames names = names_of(step.field, step.text);
      out += names.names[TRY(value_of(step.field, moment)) - names.first_value];
      return {};
    }
    default:
      return append_zone(out, step, moment);
  }
}

// Prints steps [from, to); an optional group that cannot be printed is omitted.
Status append_steps(std::string& out, const std::vector<TimeStep>& steps, size_t from, size_t to,
                    const Moment& moment) {
  for (size_t i = from; i < to; ++i) {
    const TimeStep& step = steps[i];
    if (step.kind == StepKind::OptionalEnd) continue;
    if (step.kind == StepKind::OptionalStart) {
      const size_t size = out.size();
      if (!append_steps(out, steps, i + 1, step.group_end, moment)) out.resize(size);
      i = step.group_end;
      continue;
    }
    const size_t start = out.size();
    TRY(append_step(out, step, moment));
    const auto width = static_cast<size_t>(step.pad_width);
    if (out.size() - start < width) out.insert(start, width - (out.size() - start), ' ');
  }
  return {};
}

Result<std::string> print(const std::vector<TimeStep>& steps, const Moment& moment) {
  std::string out;
  TRY(append_steps(out, steps, 0, steps.size(), moment));
  return out;
}

}  // namespace

Result<std::string> TimePattern::format_timestamp(int64_t epoch_ms, const TimeZone& zone) const {
  const DayTime local = split_timestamp(saturating_add(epoch_ms, zone.offset_ms(epoch_ms)));
  return print(steps_, {.epoch_day = local.days,
                        .nano_of_day = local.ms_of_day * kNanosPerMs,
                        .zone = &zone,
                        .epoch_ms = epoch_ms});
}

Result<std::string> TimePattern::format_date(int32_t epoch_day) const {
  return print(steps_, {.epoch_day = epoch_day, .nano_of_day = std::nullopt});
}

Result<std::string> TimePattern::format_time(int32_t ms_of_day) const {
  return print(steps_, {.epoch_day = std::nullopt, .nano_of_day = ms_of_day * kNanosPerMs});
}

}  // namespace engine
