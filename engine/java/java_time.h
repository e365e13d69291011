// Formats and parses dates and times with Java's pattern letters: those of
// java.time.format.DateTimeFormatter and, for PARSE_DATE, those of the older
// java.text.SimpleDateFormat. Names are English.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/java/time_zone.h"

namespace engine {

struct TimeStep;  // one piece of a pattern, defined in java_pattern.h

// A compiled pattern. Compiling costs about a microsecond per letter, so keep the object as long as
// the pattern is the same.
//
// Invariants: steps_ never change after compile(); every optional group is closed.
// Threads:    any number at the same time.
class TimePattern {
 public:
  // Compiles a pattern. Fails for letters that Java does not know, and for too many of a letter.
  static Result<TimePattern> compile(std::string_view pattern);
  // Compiles a pattern of SimpleDateFormat's letters. Use such a pattern only for
  // parse_lenient_date().
  static Result<TimePattern> compile_simple(std::string_view pattern);

  TimePattern(const TimePattern&);
  TimePattern(TimePattern&&) noexcept;
  TimePattern& operator=(TimePattern&&) noexcept;
  ~TimePattern();

  const std::string& text() const { return text_; }

  Result<std::string> format_timestamp(int64_t epoch_ms, const TimeZone& zone) const;
  // Each function fails if the pattern has a field that the value does not have, such as an hour of
  // a date.
  Result<std::string> format_date(int32_t epoch_day) const;
  Result<std::string> format_time(int32_t ms_of_day) const;

  // Returns milliseconds since 1970. The whole text must match the pattern; letter case is ignored.
  // Fields that the pattern does not have are those of 1970-01-01T00:00. If the text contains a
  // zone, it is used instead of `zone`.
  Result<int64_t> parse_timestamp(std::string_view text, const TimeZone& zone) const;
  // Returns days since 1970. The pattern must have year, month and day, or year and day of the
  // year.
  Result<int32_t> parse_date(std::string_view text) const;
  // Returns milliseconds of the day. Fails if the text has a date.
  Result<int32_t> parse_time(std::string_view text) const;
  // Returns milliseconds since 1970 in GMT. Follows SimpleDateFormat: the pattern only has to match
  // the beginning of the text, and numbers out of range roll over into the next field.
  Result<int64_t> parse_lenient_date(std::string_view text) const;

 private:
  explicit TimePattern(std::string_view text);
  std::string text_;
  std::vector<TimeStep> steps_;
};

}  // namespace engine
