// Converts texts of dates, points in time, intervals and ranges between the forms that a session writes and reads and
// the kept forms, which are in ISO style and in UTC. Texts of other types are not converted. A null zone is UTC.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/types/text_forms.h"
#include "engine/types/type.h"
#include "engine/types/zone_clock.h"

namespace engine {

struct Interval;

// Convert between an instant and the local time of the zone, in microseconds since 1970. Infinities are unchanged.
int64_t clock_us_of_instant(const ZoneClock* zone, int64_t instant_us);
int64_t instant_us_of_clock(const ZoneClock* zone, int64_t clock_us);
// Adds an interval: months and days follow the calendar of the zone, and hours have their real length, also on days
// when clocks are changed.
Result<int64_t> plus_in_zone(const ZoneClock* zone, int64_t instant_us, const Interval& by);

// Returns whether the text of a point in time contains a zone.
bool says_zone(std::string_view text);
// Parse a timestamptz as parse_timestamp() and parse_instant_us() do. A text without a zone is a local time of `zone`.
std::optional<int64_t> parse_timestamp_in(const ZoneClock* zone, std::string_view text);
Result<int64_t> parse_instant_us_in(const ZoneClock* zone, std::string_view text);
// Returns an instant as text: 2024-07-01 12:00:00.5+02.
std::string instant_text_in(const ZoneClock* zone, int64_t instant_us);
// Appends an offset: +02, -03:30, +00:53:28.
void append_zone_offset(std::string& out, int64_t east_ms);

// Return whether the type is a timestamp without a zone, and whether it is a timestamptz.
bool is_clock(const SqlType& type);
bool is_instant(const SqlType& type);
// Returns whether texts of the type are kept in UTC and shown in a zone.
bool is_kept_in_utc(const SqlType& type);
// Returns whether a session may show texts of the type in a form other than the kept one.
bool has_forms(const SqlType& type);
// Returns normalized_text() of a text from a client.
Result<std::string> normalized_text_in(const TextForms& forms, const SqlType& type,
                                       std::string_view text);
// Returns the text that a client sees for `kept`, which is the form that the engine stores.
std::string shown_text_in(const TextForms& forms, const SqlType& type, std::string_view kept);
// Returns a client's date or point in time in the form that parse_days() and similar functions read. The result is the
// text itself if it is in that form already, otherwise a text in `buffer`.
Result<std::string_view> iso_text(std::string_view written, DateOrder order, std::string& buffer);
// Convert a kept timestamptz to the kept form of the timestamp without a zone that local clocks show, and the reverse.
std::string clock_text_of_instant(const ZoneClock* zone, std::string_view kept);
std::string instant_text_of_clock(const ZoneClock* zone, std::string_view kept);

}  // namespace engine
