// Parses dates as SimpleDateFormat does: leniently, and only a prefix of the text has to match.
#include <fmt/format.h>

#include <array>
#include <optional>

#include "engine/java/java_pattern.h"
#include "engine/java/java_time.h"
#include "engine/types/ascii.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

class LenientMatcher {
 public:
  LenientMatcher(std::string_view text, const std::vector<TimeStep>& steps)
      : text_(text), steps_(steps) {}

  Result<int64_t> run() {
    for (size_t i = 0; i < steps_.size(); ++i)
      if (!match(i))
        return Error{ErrorCode::InvalidDatetime, fmt::format("Unparseable date: \"{}\"", text_)};
    if (value(TimeField::Year, 0) > kMaxYear)
      return Error{ErrorCode::OutOfRange, "the year is out of range"};
    return resolve();
  }

 private:
  static constexpr int64_t kMaxYear = 5'000'000;
  static constexpr size_t kMaxDigits = 9;

  bool match(size_t index) {
    const TimeStep& step = steps_[index];
    if (step.kind == StepKind::Literal) {
      if (!text_.substr(at_).starts_with(step.literal)) return false;
      at_ += step.literal.size();
      return true;
    }
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    if (step.kind == StepKind::Text) return match_text(step);
    if (step.kind == StepKind::ZoneName) return match_zone();
    return match_number(index);
  }

  bool match_text(const TimeStep& step) {
    for (const TextWidth width : {TextWidth::Full, TextWidth::Short}) {
      const FieldNames names = names_of(step.field, width);
      for (size_t i = 0; i < names.names.size(); ++i) {
        if (!starts_ignoring_case(text_.substr(at_), names.names[i])) continue;
        at_ += names.names[i].size();
        set(step.field, names.first_value + static_cast<int64_t>(i));
        return true;
      }
    }
    return false;
  }

  bool match_zone() {
    const std::string_view rest = text_.substr(at_);
    if (rest.empty()) return false;
    if (rest[0] == 'Z') {
      zone_ = TimeZone::utc();
      ++at_;
      return true;
    }
    const auto named = TimeZone::parse_name(rest);
    if (!named) return false;
    zone_ = named->zone;
    at_ += named->size;
    return true;
  }

  bool match_number(size_t index) {
    const TimeStep& step = steps_[index];
    const bool abuts = index + 1 < steps_.size() && steps_[index + 1].kind == StepKind::Number;
    const size_t most = abuts ? static_cast<size_t>(step.min_width) : kMaxDigits;
    const bool negative = at_ < text_.size() && text_[at_] == '-';
    size_t end = at_ + (negative ? 1 : 0);
    const size_t start = end;
    int64_t number = 0;
    while (end < text_.size() && end - start < most && is_ascii_digit(text_[end]))
      number = number * 10 + (text_[end++] - '0');
    if (end == start) return false;
    at_ = end;
    if (step.field == TimeField::YearOfEra || step.field == TimeField::WeekYear) {
      // The two digits of `yy` mean a year from 1946 to 2045. In Java the range begins 80 years
      // before today, but here a query's result must not depend on the day on which it runs.
      if (step.min_width <= 2 && end - start == 2 && !negative) number += number < 46 ? 2000 : 1900;
      set(TimeField::Year, negative ? -number : number);
      return true;
    }
    set(step.field, negative ? -number : number);
    return true;
  }

  void set(TimeField field, int64_t value) { values_[static_cast<size_t>(field)] = value; }
  int64_t value(TimeField field, int64_t otherwise) const {
    return values_[static_cast<size_t>(field)].value_or(otherwise);
  }
  bool has(TimeField field) const { return values_[static_cast<size_t>(field)].has_value(); }

  int64_t resolve() const {
    int64_t year = value(TimeField::Year, 1970);
    if (value(TimeField::Era, 1) == 0) year = 1 - year;
    const int64_t month = value(TimeField::Month, 1) - 1;
    year += floor_div(month, 12);
    const int month_of_year = static_cast<int>(month - floor_div(month, 12) * 12) + 1;
    int64_t days = days_from_civil({year, month_of_year, 1}) + value(TimeField::Day, 1) - 1;
    if (has(TimeField::DayOfYear))
      days = days_from_civil({year, 1, 1}) + value(TimeField::DayOfYear, 1) - 1;
    const int64_t local_ms =
        days * kMsPerDay + hour() * kMsPerHour + value(TimeField::Minute, 0) * kMsPerMinute +
        value(TimeField::Second, 0) * kMsPerSecond + value(TimeField::Milli, 0);
    return zone_ ? zone_->to_epoch_ms(local_ms) : local_ms;
  }

  int64_t hour() const {
    if (has(TimeField::Hour)) return value(TimeField::Hour, 0);
    if (has(TimeField::ClockHour)) return value(TimeField::ClockHour, 0) % 24;
    const int64_t half = value(TimeField::HalfOfDay, 0) * 12;
    if (has(TimeField::HalfHour)) return half + value(TimeField::HalfHour, 0);
    return half + value(TimeField::HalfClockHour, 0) % 12;
  }

  std::string_view text_;
  const std::vector<TimeStep>& steps_;
  size_t at_ = 0;
  std::array<std::optional<int64_t>, kTimeFields> values_;
  std::optional<TimeZone> zone_;
};

}  // namespace

Result<int64_t> TimePattern::parse_lenient_date(std::string_view text) const {
  return LenientMatcher(text, steps_).run();
}

}  // namespace engine
