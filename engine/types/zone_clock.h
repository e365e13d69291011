// What the clocks of a time zone show: how the types with a time zone are read and shown for one session.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace engine {

// Where a pointer to one may be, null is UTC. Who knows zones by their names makes them: engine/java/postgres_zone.h.
//
// Threads: any; it never changes.
class ZoneClock {
 public:
  virtual ~ZoneClock() = default;
  // What the clocks show minus UTC, at an instant.
  virtual int64_t east_ms(int64_t instant_ms) const = 0;
  // The instant at which they show this, as PostgreSQL has it: of an hour that comes twice the later one, and in an hour that is
  // left out as if the clocks had not been moved forward yet.
  virtual int64_t instant_ms(int64_t clock_ms) const = 0;
  // What the zone is called in short at an instant: CEST.
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
