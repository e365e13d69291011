// The session's settings for reading and writing dates, points in time and intervals: SET DateStyle, IntervalStyle,
// TimeZone. Stored values, and everything that outlives the session, use the first value of each.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/types/zone_clock.h"

namespace engine {

enum class DateStyle : uint8_t { Iso, Sql, Postgres, German };
// The order of year, month and day: how 01/02/03 is read, and the place of the day in output.
enum class DateOrder : uint8_t { Mdy, Dmy, Ymd };
enum class IntervalStyle : uint8_t { Postgres, PostgresVerbose, SqlStandard, Iso8601 };

struct TextForms {
  ZoneClockPtr zone = nullptr;  // null: UTC
  DateStyle date_style = DateStyle::Iso;
  DateOrder date_order = DateOrder::Mdy;
  IntervalStyle interval_style = IntervalStyle::Postgres;

  bool operator==(const TextForms&) const = default;
  // Whether texts are shown as they are kept, except for the zone.
  bool are_as_kept() const {
    return date_style == DateStyle::Iso && interval_style == IntervalStyle::Postgres;
  }
};

// Parses "SQL, DMY" in any case, one of the words alone, or PostgreSQL's other words; a part that is not named stays
// unchanged. Fails with InvalidParameter.
Status read_date_style(std::string_view words, TextForms& forms);
// The text that SHOW returns: "ISO, MDY".
std::string date_style_text(const TextForms& forms);
// Returns false for an unknown word.
bool read_interval_style(std::string_view word, TextForms& forms);
std::string_view interval_style_text(const TextForms& forms);

}  // namespace engine
