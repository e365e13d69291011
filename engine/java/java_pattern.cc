#include "engine/java/java_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "engine/java/java_time.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

constexpr std::array<std::string_view, kTimeFields> kJavaNames = {"Era",
                                                                  "Year",
                                                                  "YearOfEra",
                                                                  "QuarterOfYear",
                                                                  "MonthOfYear",
                                                                  "DayOfMonth",
                                                                  "DayOfYear",
                                                                  "DayOfWeek",
                                                                  "LocalizedDayOfWeek",
                                                                  "WeekBasedYear",
                                                                  "WeekOfWeekBasedYear",
                                                                  "WeekOfMonth",
                                                                  "AlignedWeekOfMonth",
                                                                  "AmPmOfDay",
                                                                  "HourOfDay",
                                                                  "ClockHourOfDay",
                                                                  "HourOfAmPm",
                                                                  "ClockHourOfAmPm",
                                                                  "MinuteOfHour",
                                                                  "SecondOfMinute",
                                                                  "MilliOfSecond",
                                                                  "NanoOfSecond",
                                                                  "MilliOfDay",
                                                                  "NanoOfDay"};

constexpr std::string_view kMonths[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
constexpr std::string_view kShortMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::string_view kNarrowMonths[] = {"J", "F", "M", "A", "M", "J",
                                              "J", "A", "S", "O", "N", "D"};
constexpr std::string_view kDays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                      "Friday", "Saturday", "Sunday"};
constexpr std::string_view kShortDays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr std::string_view kNarrowDays[] = {"M", "T", "W", "T", "F", "S", "S"};
constexpr std::string_view kQuarters[] = {"1st quarter", "2nd quarter", "3rd quarter",
                                          "4th quarter"};
constexpr std::string_view kShortQuarters[] = {"Q1", "Q2", "Q3", "Q4"};
constexpr std::string_view kNarrowQuarters[] = {"1", "2", "3", "4"};
constexpr std::string_view kEras[] = {"Before Christ", "Anno Domini"};
constexpr std::string_view kShortEras[] = {"BC", "AD"};
constexpr std::string_view kNarrowEras[] = {"B", "A"};
constexpr std::string_view kHalves[] = {"AM", "PM"};

struct FieldLetter {
  char letter;
  TimeField field;
};
constexpr FieldLetter kFieldLetters[] = {
    {'G', TimeField::Era},
    {'u', TimeField::Year},
    {'y', TimeField::YearOfEra},
    {'Q', TimeField::Quarter},
    {'q', TimeField::Quarter},
    {'M', TimeField::Month},
    {'L', TimeField::Month},
    {'d', TimeField::Day},
    {'D', TimeField::DayOfYear},
    {'E', TimeField::DayOfWeek},
    {'e', TimeField::LocalDayOfWeek},
    {'c', TimeField::LocalDayOfWeek},
    {'Y', TimeField::WeekYear},
    {'w', TimeField::Week},
    {'W', TimeField::WeekOfMonth},
    {'F', TimeField::WeekdayOfMonth},
    {'a', TimeField::HalfOfDay},
    {'H', TimeField::Hour},
    {'k', TimeField::ClockHour},
    {'K', TimeField::HalfHour},
    {'h', TimeField::HalfClockHour},
    {'m', TimeField::Minute},
    {'s', TimeField::Second},
    {'S', TimeField::Nano},
    {'n', TimeField::Nano},
    {'A', TimeField::MilliOfDay},
    {'N', TimeField::NanoOfDay},
};

std::optional<TimeField> field_of(char letter) {
  const auto* row = std::ranges::find(kFieldLetters, letter, &FieldLetter::letter);
  if (row == std::end(kFieldLetters)) return std::nullopt;
  return row->field;
}

TimeStep number(TimeField field, int min_width, int max_width, SignStyle sign) {
  return {.kind = StepKind::Number,
          .field = field,
          .min_width = min_width,
          .max_width = max_width,
          .sign = sign};
}

TimeStep text_of(TimeField field, int count) {
  const TextWidth width = count == 4   ? TextWidth::Full
                          : count == 5 ? TextWidth::Narrow
                                       : TextWidth::Short;
  return {.kind = StepKind::Text, .field = field, .text = width};
}

// Limit on nested sections: parsing and printing recurse over them, and patterns may come from
// data.
constexpr size_t kMostNestedSections = 100;

// Turns a pattern into steps. The two styles differ in the meaning of letters; quoting is the same.
class PatternCompiler {
 public:
  PatternCompiler(std::string_view pattern, bool simple) : pattern_(pattern), simple_(simple) {}

  Result<std::vector<TimeStep>> run() {
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (is_ascii_letter(c)) {
        TRY(letters());
      } else if (c == '\'') {
        TRY(quoted());
      } else if (!simple_ && (c == '[' || c == ']')) {
        TRY(bracket(c));
      } else if (!simple_ && (c == '{' || c == '}' || c == '#')) {
        return fail("Pattern includes reserved character: '" + std::string(1, c) + "'");
      } else {
        add_literal(std::string(1, c));
        ++at_;
      }
    }
    while (!groups_.empty()) close_group();  // as in Java, groups end at the end of the pattern
    return std::move(steps_);
  }

 private:
  Error fail(std::string message) const {
    return Error{ErrorCode::InvalidParameter, std::move(message)};
  }

  void add_literal(std::string text) {
    number_base_ = kNone;
    steps_.push_back({.kind = StepKind::Literal, .literal = std::move(text)});
  }

  Status quoted() {
    const size_t start = ++at_;
    std::string text;
    for (; at_ < pattern_.size(); ++at_) {
      if (pattern_[at_] != '\'') {
        text += pattern_[at_];
      } else if (at_ + 1 < pattern_.size() && pattern_[at_ + 1] == '\'') {
        text += pattern_[at_++];
      } else {
        break;
      }
    }
    if (at_ == pattern_.size())
      return fail("Pattern ends with an incomplete string literal: " + std::string(pattern_));
    add_literal(at_ == start ? "'" : std::move(text));
    ++at_;
    return {};
  }

  Status bracket(char c) {
    number_base_ = kNone;
    ++at_;
    if (c == '[') {
      if (groups_.size() == kMostNestedSections)
        return fail(fmt::format("Pattern has more than {} optional sections within each other",
                                kMostNestedSections));
      groups_.push_back(steps_.size());
      steps_.push_back({.kind = StepKind::OptionalStart});
      return {};
    }
    if (groups_.empty()) return fail("Pattern invalid as it contains ] without previous [");
    close_group();
    return {};
  }

  void close_group() {
    steps_[groups_.back()].group_end = steps_.size();
    groups_.pop_back();
    steps_.push_back({.kind = StepKind::OptionalEnd});
  }

  Status letters() {
    int count = run_length();
    char letter = pattern_[at_];
    int pad_width = 0;
    if (letter == 'p' && !simple_) {
      pad_width = count;
      at_ += static_cast<size_t>(count);
      if (at_ == pattern_.size() || !is_ascii_letter(pattern_[at_]) || pattern_[at_] == 'p')
        return fail("Pad letter 'p' must be followed by valid pad pattern: " +
                    std::string(pattern_));
      letter = pattern_[at_];
      count = run_length();
    }
    at_ += static_cast<size_t>(count);
    TimeStep step = TRY(simple_ ? simple_step(letter, count) : step_for(letter, count));
    step.pad_width = pad_width;
    if (pad_width > 0) number_base_ = kNone;
    add(std::move(step));
    return {};
  }

  int run_length() const {
    size_t end = at_;
    while (end < pattern_.size() && pattern_[end] == pattern_[at_]) ++end;
    return static_cast<int>(end - at_);
  }

  // Appends a step. If numbers follow each other without a separator, all except the first have a
  // fixed width. The first number must not read the digits that belong to the others.
  void add(TimeStep step) {
    const bool is_number = step.kind == StepKind::Number || step.kind == StepKind::ShortYear;
    if (!is_number || step.pad_width > 0) {
      // A number must also not read the digits of a fraction of fixed width that follows it.
      if (step.kind == StepKind::Fraction && number_base_ != kNone)
        steps_[number_base_].reserved_width += step.max_width;
      else
        number_base_ = kNone;
    } else if (number_base_ != kNone && step.min_width == step.max_width) {
      steps_[number_base_].reserved_width += step.max_width;
    } else {
      number_base_ = steps_.size();
    }
    steps_.push_back(std::move(step));
  }

  Result<TimeStep> step_for(char letter, int count) const {
    switch (letter) {
      case 'z':
        if (count > 4) break;
        return TimeStep{.kind = StepKind::ZoneName,
                        .text = count == 4 ? TextWidth::Full : TextWidth::Short};
      case 'V':
        if (count != 2) return fail("Pattern letter count must be 2: V");
        return TimeStep{.kind = StepKind::ZoneId};
      case 'O':
        if (count != 1 && count != 4) return fail("Pattern letter count must be 1 or 4: O");
        return TimeStep{.kind = StepKind::LocalOffset,
                        .text = count == 4 ? TextWidth::Full : TextWidth::Short};
      case 'X':
      case 'x':
      case 'Z':
        return offset_step(letter, count);
      default:
        break;
    }
    const auto field = field_of(letter);
    if (!field)
      return fail("Unknown pattern letter: " + std::string(1, letter))
          .with_hint(
              "The letters are those of Java's DateTimeFormatter: yyyy-MM-dd HH:mm:ss. Other "
              "letters are in single quotes: yyyy-MM-dd'T'HH:mm:ss, which an SQL text writes as "
              "'yyyy-MM-dd''T''HH:mm:ss'.");
    return field_step(letter, *field, count);
  }

  Result<TimeStep> too_many(char letter) const {
    return fail("Too many pattern letters: " + std::string(1, letter));
  }

  Result<TimeStep> offset_step(char letter, int count) const {
    if (count > 5) return too_many(letter);
    if (letter == 'Z') {
      if (count == 4) return TimeStep{.kind = StepKind::LocalOffset, .text = TextWidth::Full};
      if (count == 5)
        return TimeStep{.kind = StepKind::Offset, .literal = "Z", .colon = true, .seconds = true};
      return TimeStep{.kind = StepKind::Offset, .literal = "+0000"};
    }
    TimeStep step{.kind = StepKind::Offset,
                  .colon = count == 3 || count == 5,
                  .minutes_optional = count == 1,
                  .seconds = count >= 4};
    step.literal = letter == 'X' ? "Z" : count == 1 ? "+00" : step.colon ? "+00:00" : "+0000";
    return step;
  }

  Result<TimeStep> field_step(char letter, TimeField field, int count) const {
    switch (letter) {
      case 'u':
      case 'y':
      case 'Y':
        if (count == 2)
          return TimeStep{
              .kind = StepKind::ShortYear, .field = field, .min_width = 2, .max_width = 2};
        return number(field, count, 19, count < 4 ? SignStyle::Normal : SignStyle::ExceedsPad);
      case 'M':
      case 'L':
      case 'Q':
      case 'q':
      case 'e':
      case 'c':
        if (count > 5) return too_many(letter);
        if (count == 1) return number(field, 1, 19, SignStyle::Normal);
        if (count == 2) return number(field, 2, 2, SignStyle::NotNegative);
        return text_of(field == TimeField::LocalDayOfWeek ? TimeField::DayOfWeek : field, count);
      case 'E':
      case 'G':
        if (count > 5) return too_many(letter);
        return text_of(field, count);
      case 'a':
        if (count > 1) return too_many(letter);
        return text_of(field, 1);
      case 'S':
        if (count > 9) return too_many(letter);
        return TimeStep{
            .kind = StepKind::Fraction, .field = field, .min_width = count, .max_width = count};
      case 'D':
        if (count > 3) return too_many(letter);
        if (count == 1) return number(field, 1, 19, SignStyle::Normal);
        return number(field, count, 3, SignStyle::NotNegative);
      case 'A':
      case 'n':
      case 'N':
        if (count > 19) return too_many(letter);
        return number(field, count, 19, SignStyle::NotNegative);
      case 'F':
      case 'W':
        if (count > 1) return too_many(letter);
        return number(field, 1, 19, SignStyle::Normal);
      default:
        if (count > 2) return too_many(letter);
        if (count == 1) return number(field, 1, 19, SignStyle::Normal);
        return number(field, 2, 2, SignStyle::NotNegative);
    }
  }

  // Makes a step of SimpleDateFormat. Any count of letters is allowed, `u` is the number of the
  // weekday, and `S` is a number of milliseconds.
  Result<TimeStep> simple_step(char letter, int count) const {
    switch (letter) {
      case 'z':
      case 'Z':
      case 'X':
        return TimeStep{.kind = StepKind::ZoneName};
      case 'u':
        return number(TimeField::DayOfWeek, count, 19, SignStyle::Normal);
      case 'S':
        return number(TimeField::Milli, count, 19, SignStyle::Normal);
      case 'G':
      case 'E':
      case 'a':
        return text_of(*field_of(letter), count >= 4 ? 4 : 3);
      case 'M':
      case 'L':
        if (count >= 3) return text_of(TimeField::Month, count >= 4 ? 4 : 3);
        return number(TimeField::Month, count, 19, SignStyle::Normal);
      case 'y':
      case 'Y':
      case 'd':
      case 'D':
      case 'w':
      case 'W':
      case 'F':
      case 'H':
      case 'k':
      case 'K':
      case 'h':
      case 'm':
      case 's':
        return number(*field_of(letter), count, 19, SignStyle::Normal);
      default:
        return fail(fmt::format("Illegal pattern character '{}'", letter));
    }
  }

  static constexpr size_t kNone = ~size_t{0};
  std::string_view pattern_;
  bool simple_;
  size_t at_ = 0;
  std::vector<TimeStep> steps_;
  std::vector<size_t> groups_;  // indexes of the OptionalStarts whose groups are open
  size_t number_base_ = kNone;  // index in steps_ of the number that leaves digits for later steps
};

}  // namespace

std::string_view java_name(TimeField field) { return kJavaNames[static_cast<size_t>(field)]; }

FieldNames names_of(TimeField field, TextWidth width) {
  const auto pick = [width](auto& full, auto& brief, auto& narrow) {
    using Names = std::span<const std::string_view>;
    return width == TextWidth::Full    ? Names(full)
           : width == TextWidth::Short ? Names(brief)
                                       : Names(narrow);
  };
  switch (field) {
    case TimeField::Month:
      return {pick(kMonths, kShortMonths, kNarrowMonths), 1};
    case TimeField::DayOfWeek:
      return {pick(kDays, kShortDays, kNarrowDays), 1};
    case TimeField::Quarter:
      return {pick(kQuarters, kShortQuarters, kNarrowQuarters), 1};
    case TimeField::Era:
      return {pick(kEras, kShortEras, kNarrowEras), 0};
    default:
      return {kHalves, 0};
  }
}

TimePattern::TimePattern(std::string_view text) : text_(text) {}
TimePattern::TimePattern(const TimePattern&) = default;
TimePattern::TimePattern(TimePattern&&) noexcept = default;
TimePattern& TimePattern::operator=(TimePattern&&) noexcept = default;
TimePattern::~TimePattern() = default;

Result<TimePattern> TimePattern::compile(std::string_view pattern) {
  TimePattern compiled(pattern);
  compiled.steps_ = TRY(PatternCompiler(pattern, false).run());
  return compiled;
}

Result<TimePattern> TimePattern::compile_simple(std::string_view pattern) {
  TimePattern compiled(pattern);
  compiled.steps_ = TRY(PatternCompiler(pattern, true).run());
  return compiled;
}

}  // namespace engine
