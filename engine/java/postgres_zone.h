// Finds time zones by the names that PostgreSQL's SET TimeZone takes.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/java/time_zone.h"
#include "engine/types/zone_clock.h"

namespace engine {

struct PostgresZone {
  std::string name;    // as shown by SHOW: Europe/Berlin for europe/berlin, <+05>-05 for 5
  ZoneClockPtr clock;  // null: UTC
};

// Finds regions of the tz database in any letter case, hours that count to the east (5, -7, 5.5),
// and names with a fixed offset in the syntax of POSIX, in which hours count to the west (UTC+3,
// <-03>+3, +05:30). Fails with InvalidParameter.
Result<PostgresZone> find_postgres_zone(std::string_view name);

// Returns the instant at which clocks in the zone show this local time. Skipped and repeated hours are resolved as in
// ZoneClock::instant_ms().
int64_t instant_of_clock(const TimeZone& zone, int64_t clock_ms);

}  // namespace engine
