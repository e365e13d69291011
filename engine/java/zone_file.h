// Reads the rules of a time zone from the system's tz database. Somewhere in the world, these rules
// change several times a year. Updates of the operating system contain the changes, while a library
// would only have the rules with which it was built.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

// The content of one file in the format TZif (RFC 8536, https://www.rfc-editor.org/rfc/rfc8536).
class ZoneFile {
 public:
  struct At {
    int32_t east_s = 0;  // local time minus UTC
    bool is_daylight = false;
    std::string_view name = {};  // for example CEST or +0545
  };

  // Reads a zone from $TZDIR, by default /usr/share/zoneinfo. Returns nothing if the file does not exist or is not a
  // zone. `id` is a name in the database.
  static std::optional<ZoneFile> find(std::string_view id);
  static std::optional<ZoneFile> parse(std::string_view bytes);

  // Returns the zone's state at a time in seconds since 1970.
  At at(int64_t epoch_s) const;

 private:
  struct Kind {
    int32_t east_s = 0;
    bool is_daylight = false;
    std::string name;
  };
  // A day of each year, as POSIX's TZ writes it: Mm.w.d, Jn or n.
  struct YearlyDay {
    enum class By : uint8_t { WeekOfMonth, DayWithoutLeap, Day } by = By::Day;
    int month = 0, week = 0, day = 0;
    int32_t time_s = 7200;
    int64_t begins_s(int64_t year) const;  // begin in local time, counted as if it were UTC
  };
  // The rules for the time after the last transition.
  struct Yearly {
    Kind standard, daylight;
    bool has_daylight = false;
    YearlyDay begin, end;
  };
  static std::optional<Yearly> parse_yearly(std::string_view text);
  static At shown(const Kind& kind) { return {kind.east_s, kind.is_daylight, kind.name}; }

  std::vector<int64_t> transitions_;  // in seconds since 1970
  // index into kinds_ of the period that begins at each transition
  std::vector<uint8_t> kinds_of_;
  std::vector<Kind> kinds_;  // kinds_[0] is in force before all transitions
  std::optional<Yearly> yearly_;
};

}  // namespace engine
