// Time zones by Java's names: regions of the tz database and fixed offsets.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engine {

// A small value: regions share their rules, which are immutable.
class TimeZone {
 public:
  // `id` as java.time.ZoneId reads it: "UTC", "Z", "+05:30", "GMT+2", "Europe/Paris".
  static Result<TimeZone> find(std::string_view id);
  static TimeZone utc() { return fixed(0); }
  static TimeZone fixed(int32_t offset_seconds);
  // The time zone of the machine; UTC if it is unknown.
  static TimeZone system();
  // The zone for a text such as "PST", "CEST" or "Pacific Standard Time", and the number of bytes
  // at the start of `text` that name it. The longest name wins, in any case.
  struct Named;
  static Result<Named> parse_name(std::string_view text);

  const std::string& id() const { return id_; }
  // Local time minus UTC, at an instant.
  int64_t offset_ms(int64_t epoch_ms) const;
  // The instant with this local time. In an overlap the earlier one; in a gap the local time is
  // moved forward by the gap's length, as in java.time.
  int64_t to_epoch_ms(int64_t local_ms) const;
  // "PDT" or "Pacific Daylight Time".
  std::string short_name(int64_t epoch_ms) const;
  // The abbreviation in the tz database, which has no names for many zones: -03.
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
