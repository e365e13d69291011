// The part of an object's name that a time determines: "year=2026/month=01/day=31/hour=07".
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/java/time_zone.h"

namespace engine {

// A path.format of Kafka Connect's TimeBasedPartitioner. Letters are those of Joda-Time: y or Y (year), M, d, H, m and s,
// where the number of equal letters is the least number of digits. Text between single quotes, and other characters
// than letters, stay as they are.
//
// Threads: any number at the same time.
class TimePath {
 public:
  // `duration_ms` is the length of the periods that begin at 0:00 of 1970-01-01 in the zone; a time gets the path of the
  // beginning of its period. Fails with InvalidParameter.
  static Result<TimePath> parse(std::string_view format, TimeZone zone, int64_t duration_ms);

  // `epoch_ms` is the time in milliseconds since 1970-01-01 UTC. A negative time, as records without a timestamp have it,
  // counts as 0.
  std::string of(int64_t epoch_ms) const;
  // Returns whether both times have the same path.
  bool is_same(int64_t epoch_ms, int64_t other_ms) const;

 private:
  struct Part {
    char letter = 0;  // 0: `text`
    size_t digits = 0;
    std::string text;
  };
  TimePath(std::vector<Part> parts, TimeZone zone, int64_t duration_ms)
      : parts_(std::move(parts)), zone_(std::move(zone)), duration_ms_(duration_ms) {}
  // Returns the beginning of the period, as local time in milliseconds.
  int64_t period_ms(int64_t epoch_ms) const;

  std::vector<Part> parts_;
  TimeZone zone_;
  int64_t duration_ms_;
};

}  // namespace engine
