// Texts of dates, points in time, intervals and ranges of them as a session writes and reads them; all else is as it is kept. In their
// kept forms they are in ISO's style, and in UTC. A null zone is UTC.
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

// Microseconds since 1970; infinities stay.
int64_t clock_us_of_instant(const ZoneClock* zone, int64_t instant_us);
int64_t instant_us_of_clock(const ZoneClock* zone, int64_t clock_us);
// An interval later: months and days are those of the zone's calendar, and hours are as long as they are, on the days when clocks
// are changed, too.
Result<int64_t> plus_in_zone(const ZoneClock* zone, int64_t instant_us, const Interval& by);

// Whether a written point in time says its zone.
bool says_zone(std::string_view text);
// As parse_timestamp() and parse_instant_us() read a timestamptz.
std::optional<int64_t> parse_timestamp_in(const ZoneClock* zone, std::string_view text);
Result<int64_t> parse_instant_us_in(const ZoneClock* zone, std::string_view text);
// 2024-07-01 12:00:00.5+02
std::string instant_text_in(const ZoneClock* zone, int64_t instant_us);
// +02, -03:30, +00:53:28
void append_zone_offset(std::string& out, int64_t east_ms);

// A timestamp without a zone, and a timestamptz.
bool is_clock(const SqlType& type);
bool is_instant(const SqlType& type);
// Whether texts of the type are kept in UTC and shown in a zone.
bool is_kept_in_utc(const SqlType& type);
// Whether a session may show texts of the type in another form than the one in which they are kept.
bool has_forms(const SqlType& type);
// normalized_text() of what a client has written.
Result<std::string> normalized_text_in(const TextForms& forms, const SqlType& type,
                                       std::string_view text);
// What a client sees of a kept text.
std::string shown_text_in(const TextForms& forms, const SqlType& type, std::string_view kept);
// A date or a point in time as a client has written it, in the form that parse_days() and its like read: the text itself where it is
// in that form already. `buffer` is where it is put otherwise.
Result<std::string_view> iso_text(std::string_view written, DateOrder order, std::string& buffer);
// The timestamp without a zone, in its kept form, that clocks show at a kept timestamptz; and the other way round.
std::string clock_text_of_instant(const ZoneClock* zone, std::string_view kept);
std::string instant_text_of_clock(const ZoneClock* zone, std::string_view kept);

}  // namespace engine
