// Dates and times as Java's pattern letters write them: java.time.format.DateTimeFormatter, and
// the older java.text.SimpleDateFormat that PARSE_DATE follows. English names.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/java/time_zone.h"

namespace engine {

struct TimeStep;  // one piece of a pattern: java_pattern.h

// A compiled pattern. Compiling costs about a microsecond per letter, so keep the object as long as
// the pattern is the same.
//
// Invariants: steps_ never change after compile(); every optional group is closed.
// Threads:    may be used by many at once.
class TimePattern {
 public:
  // Fails on letters that Java does not know, or too many of one.
  static Result<TimePattern> compile(std::string_view pattern);
  // The letters of SimpleDateFormat; only parse_lenient_date() is for such a pattern.
  static Result<TimePattern> compile_simple(std::string_view pattern);

  TimePattern(const TimePattern&);
  TimePattern(TimePattern&&) noexcept;
  TimePattern& operator=(TimePattern&&) noexcept;
  ~TimePattern();

  const std::string& text() const { return text_; }

  Result<std::string> format_timestamp(int64_t epoch_ms, const TimeZone& zone) const;
  // Fail if the pattern has a field that a date, or a time, does not have.
  Result<std::string> format_date(int32_t epoch_day) const;
  Result<std::string> format_time(int32_t ms_of_day) const;

  // The whole text must match, in any case. Missing fields are those of 1970-01-01T00:00; a zone in
  // the text takes precedence over `zone`.
  Result<int64_t> parse_timestamp(std::string_view text, const TimeZone& zone) const;
  // Days since 1970; the pattern must give year, month and day (or day of the year).
  Result<int32_t> parse_date(std::string_view text) const;
  // Milliseconds of the day; fails when the text has a date.
  Result<int32_t> parse_time(std::string_view text) const;
  // Milliseconds since 1970 in GMT by SimpleDateFormat's rules: a prefix of the text is enough and
  // numbers out of range roll over.
  Result<int64_t> parse_lenient_date(std::string_view text) const;

 private:
  explicit TimePattern(std::string_view text);
  std::string text_;
  std::vector<TimeStep> steps_;
};

}  // namespace engine
