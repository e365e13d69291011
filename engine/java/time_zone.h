// Time zones by Java's names: regions of the tz database and fixed offsets.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engine {

// A small value: regions share their rules, which never change.
class TimeZone {
 public:
  // `id` as java.time.ZoneId reads it: "UTC", "Z", "+05:30", "GMT+2", "Europe/Paris".
  static Result<TimeZone> find(std::string_view id);
  static TimeZone utc() { return fixed(0); }
  static TimeZone fixed(int32_t offset_seconds);
  // The zone that the machine is set to; UTC when it cannot be told.
  static TimeZone system();
  // The zone that a text such as "PST", "CEST" or "Pacific Standard Time" stands for, and how many
  // bytes at the start of `text` say so. Longest name first, any case.
  struct Named;
  static Result<Named> parse_name(std::string_view text);

  const std::string& id() const { return id_; }
  // What local clocks show minus UTC, at an instant.
  int64_t offset_ms(int64_t epoch_ms) const;
  // The instant at which local clocks show this; in an overlap the earlier one, in a gap the clock
  // is moved forward by the gap's length, as java.time does.
  int64_t to_epoch_ms(int64_t local_ms) const;
  // "PDT" or "Pacific Daylight Time".
  std::string short_name(int64_t epoch_ms) const;
  // As the tz database has it, which knows no names for many zones: -03.
  std::string abbreviation(int64_t epoch_ms) const;
  std::string long_name(int64_t epoch_ms) const;

 private:
  struct Rules;
  struct LongName;
  static Result<TimeZone> find_region(std::string_view id);
  static const std::vector<LongName>& long_names();

  std::string id_;
  int32_t fixed_ms_ = 0;
  std::shared_ptr<const Rules> rules_;  // none for a fixed offset
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
