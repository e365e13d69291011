// The local time of a session's time zone, in which types with a time zone are read and shown.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace engine {

// The clock of a time zone. A null pointer means UTC. engine/java/postgres_zone.h makes objects by the names of zones.
//
// Threads: any; immutable.
class ZoneClock {
 public:
  virtual ~ZoneClock() = default;
  // Returns local time minus UTC at an instant.
  virtual int64_t east_ms(int64_t instant_ms) const = 0;
  // Returns the instant at which clocks show this local time, as PostgreSQL does: the later instant if the local hour
  // occurs twice; in a skipped hour, the instant as if the clocks had not been moved forward yet.
  virtual int64_t instant_ms(int64_t clock_ms) const = 0;
  // Returns the abbreviation of the zone at an instant: CEST.
  virtual std::string abbreviation(int64_t instant_ms) const = 0;
};
using ZoneClockPtr = std::shared_ptr<const ZoneClock>;

inline int64_t clock_of_instant(const ZoneClock* zone, int64_t instant_ms) {
  return zone ? instant_ms + zone->east_ms(instant_ms) : instant_ms;
}
inline int64_t instant_of_clock(const ZoneClock* zone, int64_t clock_ms) {
  return zone ? zone->instant_ms(clock_ms) : clock_ms;
}

inline std::string zone_name_at(const ZoneClock* zone, int64_t instant_ms) {
  return zone ? zone->abbreviation(instant_ms) : "UTC";
}

}  // namespace engine
