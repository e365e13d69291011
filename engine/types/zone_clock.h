// The local time of a time zone: types with a time zone are read and shown by it in a session.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace engine {

// A null pointer means UTC. engine/java/postgres_zone.h makes objects by the names of zones.
//
// Threads: any; immutable.
class ZoneClock {
 public:
  virtual ~ZoneClock() = default;
  // Local time minus UTC, at an instant.
  virtual int64_t east_ms(int64_t instant_ms) const = 0;
  // The instant with this local time, as in PostgreSQL: in an hour that occurs twice the later one, and in a skipped
  // hour as if the clocks had not been moved forward yet.
  virtual int64_t instant_ms(int64_t clock_ms) const = 0;
  // The abbreviation of the zone at an instant: CEST.
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
