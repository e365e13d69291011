// How a session writes and reads dates, points in time and intervals: SET DateStyle, IntervalStyle, TimeZone. What is kept, and
// all that outlives the session, has the first of each.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/types/zone_clock.h"

namespace engine {

enum class DateStyle : uint8_t { Iso, Sql, Postgres, German };
// How 01/02/03 is read, and where the day stands in what is shown.
enum class DateOrder : uint8_t { Mdy, Dmy, Ymd };
enum class IntervalStyle : uint8_t { Postgres, PostgresVerbose, SqlStandard, Iso8601 };

struct TextForms {
  ZoneClockPtr zone = nullptr;  // null: UTC
  DateStyle date_style = DateStyle::Iso;
  DateOrder date_order = DateOrder::Mdy;
  IntervalStyle interval_style = IntervalStyle::Postgres;

  bool operator==(const TextForms&) const = default;
  // Whether texts are shown as they are kept, but for the zone.
  bool are_as_kept() const {
    return date_style == DateStyle::Iso && interval_style == IntervalStyle::Postgres;
  }
};

// "SQL, DMY" in any case, one of them alone, or other words of PostgreSQL's; what is not named stays as it is. Fails with
// InvalidParameter.
Status read_date_style(std::string_view words, TextForms& forms);
// As SHOW has it: "ISO, MDY".
std::string date_style_text(const TextForms& forms);
// False for a word that is none.
bool read_interval_style(std::string_view word, TextForms& forms);
std::string_view interval_style_text(const TextForms& forms);

}  // namespace engine
