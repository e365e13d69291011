// The steps of a compiled date pattern. Used only by the source files in this folder.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace engine {

enum class TimeField : uint8_t {
  Era,
  Year,
  YearOfEra,
  Quarter,
  Month,
  Day,
  DayOfYear,
  DayOfWeek,       // 1 = Monday
  LocalDayOfWeek,  // 1 = Sunday
  WeekYear,
  Week,
  WeekOfMonth,
  WeekdayOfMonth,  // 2 for the second Tuesday of the month
  HalfOfDay,       // 0 = AM
  Hour,            // 0-23
  ClockHour,       // 1-24
  HalfHour,        // 0-11
  HalfClockHour,   // 1-12
  Minute,
  Second,
  Milli,  // SimpleDateFormat only: a number, not a fraction
  Nano,
  MilliOfDay,
  NanoOfDay,
  kCount
};
inline constexpr size_t kTimeFields = static_cast<size_t>(TimeField::kCount);
constexpr bool is_date_field(TimeField field) { return field < TimeField::HalfOfDay; }
// Returns Java's name of the field, for error messages.
std::string_view java_name(TimeField field);

enum class StepKind : uint8_t {
  Literal,
  Number,
  ShortYear,  // two digits of 2000-2099
  Fraction,   // fraction of the second, exactly min_width digits
  Text,
  ZoneId,
  ZoneName,
  Offset,
  LocalOffset,  // for example GMT+8
  OptionalStart,
  OptionalEnd,
};
// The way in which the sign of a number is written.
enum class SignStyle : uint8_t { Normal, NotNegative, ExceedsPad };
enum class TextWidth : uint8_t { Short, Full, Narrow };

struct TimeStep {
  StepKind kind = StepKind::Literal;
  TimeField field = TimeField::Year;
  int min_width = 1, max_width = 19;
  SignStyle sign = SignStyle::Normal;
  int reserved_width = 0;  // digits to leave to the fixed-width numbers that follow directly
  TextWidth text = TextWidth::Short;
  std::string literal = {};  // for a Literal: its text; for an Offset: the text for zero
  // For an Offset: whether a colon separates its parts, whether zero minutes are omitted, and
  // whether seconds are written.
  bool colon = false, minutes_optional = false, seconds = false;
  size_t group_end = 0;  // for an OptionalStart: index of its OptionalEnd
  // number of letters `p` before the step; the result is padded to this width
  int pad_width = 0;
};

constexpr int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

inline constexpr int64_t kNanosPerMs = 1'000'000, kNanosPerSecond = 1'000'000'000;

// The names of a text field's values, in order; for eras, for example, BC and AD. `first_value` is
// the number of the first name.
struct FieldNames {
  std::span<const std::string_view> names;
  int first_value;
};
FieldNames names_of(TimeField field, TextWidth width);

}  // namespace engine
