// The session's settings for reading and writing dates, points in time and intervals: SET DateStyle, IntervalStyle,
// TimeZone. Stored values, and everything that outlives the session, use the first value of each enumeration, and UTC.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/types/zone_clock.h"

namespace engine {

enum class DateStyle : uint8_t { Iso, Sql, Postgres, German };
// The order of year, month and day, in which 01/02/03 is read and dates are printed.
enum class DateOrder : uint8_t { Mdy, Dmy, Ymd };
enum class IntervalStyle : uint8_t { Postgres, PostgresVerbose, SqlStandard, Iso8601 };

struct TextForms {
  ZoneClockPtr zone = nullptr;  // null: UTC
  DateStyle date_style = DateStyle::Iso;
  DateOrder date_order = DateOrder::Mdy;
  IntervalStyle interval_style = IntervalStyle::Postgres;

  bool operator==(const TextForms&) const = default;
  // Returns whether texts are shown in the form in which they are stored, apart from the time zone.
  bool are_as_kept() const {
    return date_style == DateStyle::Iso && interval_style == IntervalStyle::Postgres;
  }
};

// Parses a DateStyle in any letter case: "SQL, DMY", one of the two words alone, or another of
// PostgreSQL's words. A part that is not named stays unchanged. Fails with InvalidParameter.
Status read_date_style(std::string_view words, TextForms& forms);
// Returns the text of SHOW DateStyle: "ISO, MDY".
std::string date_style_text(const TextForms& forms);
// Sets the style of intervals. Returns false for an unknown word.
bool read_interval_style(std::string_view word, TextForms& forms);
std::string_view interval_style_text(const TextForms& forms);

}  // namespace engine
