#include "engine/java/postgres_zone.h"

#include <fmt/format.h>
#include <unicode/strenum.h>
#include <unicode/timezone.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <map>
#include <optional>

#include "engine/types/ascii.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

constexpr int32_t kMaxOffsetHours = 7 * 24 - 1;  // PostgreSQL's limit

std::string offset_text(int64_t east_s) {
  const int64_t size = std::abs(east_s);
  std::string text = fmt::format("{}{:02}", east_s < 0 ? '-' : '+', size / 3600);
  if (size % 3600 != 0) text += fmt::format(":{:02}", size / 60 % 60);
  if (size % 60 != 0) text += fmt::format(":{:02}", size % 60);
  return text;
}

class FixedClock final : public ZoneClock {
 public:
  FixedClock(int64_t east_ms, std::string name) : east_ms_(east_ms), name_(std::move(name)) {}
  int64_t east_ms(int64_t) const override { return east_ms_; }
  int64_t instant_ms(int64_t clock_ms) const override { return clock_ms - east_ms_; }
  std::string abbreviation(int64_t) const override { return name_; }

 private:
  const int64_t east_ms_;
  const std::string name_;
};

class RegionClock final : public ZoneClock {
 public:
  explicit RegionClock(TimeZone zone) : zone_(std::move(zone)) {}
  int64_t east_ms(int64_t instant_ms) const override { return zone_.offset_ms(instant_ms); }
  int64_t instant_ms(int64_t clock_ms) const override { return instant_of_clock(zone_, clock_ms); }
  // Returns letters (CEST), or an offset (+0545) for zones whose abbreviation in the tz database
  // has no letters.
  std::string abbreviation(int64_t instant_ms) const override {
    std::string name = zone_.abbreviation(instant_ms);
    const bool is_offset = name.find_first_of("+-:0123456789") != std::string::npos;
    if (!is_offset) return name;
    std::string offset = offset_text(east_ms(instant_ms) / kMsPerSecond);
    std::erase(offset, ':');
    return offset;
  }

 private:
  const TimeZone zone_;
};

ZoneClockPtr fixed_clock(int64_t east_s, std::string name) {
  if (east_s == 0) return nullptr;
  return std::make_shared<const FixedClock>(east_s * kMsPerSecond, std::move(name));
}

// Returns the names of the regions by the names in lower case.
const std::map<std::string, std::string, std::less<>>& regions() {
  static const auto* const kRegions = [] {
    auto* names = new std::map<std::string, std::string, std::less<>>;
    UErrorCode status = U_ZERO_ERROR;
    const std::unique_ptr<icu::StringEnumeration> all(icu::TimeZone::createEnumeration(status));
    if (U_FAILURE(status) || !all) return names;
    while (const char* id = all->next(nullptr, status)) {
      if (U_FAILURE(status)) break;
      const std::string_view name(id);
      if (name != "Etc/Unknown") names->emplace(lower_case(name), name);
    }
    return names;
  }();
  return *kRegions;
}

// Parses hours east of UTC (5, -7, 5.5) and returns seconds.
std::optional<double> read_hours(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.find_first_not_of("0123456789.-") != std::string_view::npos) return std::nullopt;
  double hours = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), hours);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return hours;
}

std::optional<int64_t> take_whole_number(std::string_view& text, int64_t most) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_one = error == std::errc() && number >= 0 && number <= most && text.front() != '-';
  if (!is_one) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

// Parses NAME+hh[:mm[:ss]] and returns seconds east of UTC. Rules for daylight saving time are not
// accepted.
std::optional<int64_t> read_posix(std::string_view text) {
  const size_t name = text.starts_with('<') ? text.find('>') : text.find_first_of("0123456789+-,");
  if (name == std::string_view::npos) return std::nullopt;
  text.remove_prefix(text.front() == '<' ? name + 1 : name);
  const bool is_east = text.starts_with('-');
  if (is_east || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  const auto hours = take_whole_number(text, kMaxOffsetHours);
  if (!hours) return std::nullopt;
  int64_t seconds = *hours * 3600;
  for (const int64_t unit : {60, 1}) {
    if (!text.starts_with(':')) break;
    text.remove_prefix(1);
    if (text.empty()) return std::nullopt;
    const auto part = take_whole_number(text, 59);
    if (!part) return std::nullopt;
    seconds += *part * unit;
  }
  if (!text.empty()) return std::nullopt;
  return is_east ? seconds : -seconds;
}

bool is_utc(std::string_view region) {
  constexpr std::string_view kNames[] = {"UTC",       "Etc/UTC",      "GMT",  "Etc/GMT",
                                         "UCT",       "Etc/UCT",      "Zulu", "Etc/Zulu",
                                         "Universal", "Etc/Universal"};
  return std::ranges::find(kNames, region) != std::end(kNames);
}

Error unknown_name(std::string_view name) {
  constexpr size_t kShown = 200;
  return Error{
      ErrorCode::InvalidParameter,
      fmt::format("invalid value for parameter \"TimeZone\": \"{}\"", name.substr(0, kShown))};
}

}  // namespace

int64_t instant_of_clock(const TimeZone& zone, int64_t clock_ms) {
  // If the local time occurs twice, to_epoch_ms() returns the earlier instant. The later instant
  // has the offset that is in force after the clocks were set back. It is assumed that clocks are
  // set back by at most three hours.
  constexpr int64_t kLongestOverlap = 3 * kMsPerHour;
  const int64_t earlier = zone.to_epoch_ms(clock_ms);
  const int64_t later = clock_ms - zone.offset_ms(earlier + kLongestOverlap);
  return later > earlier && later + zone.offset_ms(later) == clock_ms ? later : earlier;
}

Result<PostgresZone> find_postgres_zone(std::string_view name) {
  if (const auto hours = read_hours(name)) {
    if (std::fabs(*hours) > kMaxOffsetHours) {
      Error error = unknown_name(name);
      error.detail = "UTC timezone offset is out of range.";
      return error;
    }
    const auto east_s = static_cast<int64_t>(*hours * 3600);
    return PostgresZone{fmt::format("<{}>{}", offset_text(east_s), offset_text(-east_s)),
                        fixed_clock(east_s, offset_text(east_s))};
  }
  if (const auto found = regions().find(lower_case(name)); found != regions().end())
    if (auto zone = TimeZone::find(found->second))
      return PostgresZone{
          found->second,
          is_utc(found->second) ? nullptr : std::make_shared<const RegionClock>(*std::move(zone))};
  if (const auto east_s = read_posix(name)) {
    const bool is_quoted = name.starts_with('<');
    std::string shown(
        name.substr(is_quoted, name.find_first_of(is_quoted ? ">" : "0123456789+-") - is_quoted));
    if (shown.empty()) shown = offset_text(*east_s);
    return PostgresZone{std::string(name), fixed_clock(*east_s, std::move(shown))};
  }
  return unknown_name(name).with_hint(
      "Use a name of the tz database like Europe/Berlin, UTC, or hours east of it like 5.5.");
}

}  // namespace engine
