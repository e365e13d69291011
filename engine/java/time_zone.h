// Finds time zones by Java's names: regions of the tz database and fixed offsets.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engine {

// A time zone. Copies are cheap, because copies of a region share its rules, which are immutable.
class TimeZone {
 public:
  // Finds the zone with this id as java.time.ZoneId does: "UTC", "Z", "+05:30", "GMT+2",
  // "Europe/Paris".
  static Result<TimeZone> find(std::string_view id);
  static TimeZone utc() { return fixed(0); }
  static TimeZone fixed(int32_t offset_seconds);
  // Returns the time zone of the machine; UTC if it is unknown.
  static TimeZone system();
  // Returns the zone for a text that begins with a name such as "PST", "CEST" or "Pacific Standard
  // Time", and the size of the name in bytes. The longest name that matches in any letter case is
  // taken.
  struct Named;
  static Result<Named> parse_name(std::string_view text);

  const std::string& id() const { return id_; }
  // Returns local time minus UTC at an instant.
  int64_t offset_ms(int64_t epoch_ms) const;
  // Returns the instant at which clocks in the zone show this local time. If that happens twice,
  // returns the earlier instant. If the local time is skipped, it is first moved forward by the
  // length of the gap, as in java.time.
  int64_t to_epoch_ms(int64_t local_ms) const;
  // Return the zone's name at an instant: "PDT" and "Pacific Daylight Time".
  std::string short_name(int64_t epoch_ms) const;
  // Returns the abbreviation in the tz database, which is an offset such as -03 for many zones.
  std::string abbreviation(int64_t epoch_ms) const;
  std::string long_name(int64_t epoch_ms) const;

 private:
  struct Rules;
  struct LongName;
  static Result<TimeZone> find_region(std::string_view id);
  static const std::vector<LongName>& long_names();

  std::string id_;
  int32_t fixed_ms_ = 0;
  std::shared_ptr<const Rules> rules_;  // null for a fixed offset
};

struct TimeZone::Named {
  TimeZone zone;
  size_t size;
};

struct TimeZone::LongName {
  std::string name;
  TimeZone zone;
};

}  // namespace engine
