#include "engine/types/zoned_texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

constexpr int64_t kUsPerMs = 1'000;

// Rounded down, and what is left.
struct Split {
  int64_t ms, us;
};
Split split_us(int64_t us) {
  int64_t ms = us / kUsPerMs, rest = us % kUsPerMs;
  if (rest < 0) --ms, rest += kUsPerMs;
  return {ms, rest};
}
bool is_infinite(int64_t us) { return us == kInfinityUs || us == kMinusInfinityUs; }

constexpr std::string_view kTimestamptz = "timestamp with time zone";

// A range with the texts of its bounds changed.
template <class Change>
Result<std::string> range_with(Range range, const Change& change) {
  if (range.has_lower) range.lower = TRY(change(range.lower));
  if (range.has_upper) range.upper = TRY(change(range.upper));
  return range_text(range);
}

// The same for each range of a multirange; what is none is for others to refuse.
template <class Change>
Result<std::string> ranges_with(const SqlType& type, std::string_view text, const Change& change) {
  if (!is_multirange(type.label()))
    return range_with(TRY(parse_range(text, nullptr, "tstzrange")), change);
  std::string out;
  while (!text.empty()) {
    const size_t next = text.find_first_of("[(");
    out += text.substr(0, next);
    if (next == std::string_view::npos) break;
    text.remove_prefix(next);
    size_t size = 0;
    const Range range = TRY(parse_range(text, &size, "tstzrange"));
    out += TRY(range_with(range, change));
    text.remove_prefix(size);
  }
  return out;
}

}  // namespace

int64_t clock_us_of_instant(const ZoneClock* zone, int64_t instant_us) {
  if (!zone || is_infinite(instant_us)) return instant_us;
  return instant_us + zone->east_ms(split_us(instant_us).ms) * kUsPerMs;
}
int64_t instant_us_of_clock(const ZoneClock* zone, int64_t clock_us) {
  if (!zone || is_infinite(clock_us)) return clock_us;
  const Split clock = split_us(clock_us);
  return zone->instant_ms(clock.ms) * kUsPerMs + clock.us;
}

bool says_zone(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\n\r\v\f"), text.size()));
  constexpr size_t kYearAndMonth = 8;  // before the last digits of a date there is no zone
  const size_t behind_date = text.find_first_of(" Tt", kYearAndMonth);
  if (behind_date == std::string_view::npos) return false;
  return text.find_first_of("+-ZzUuGg", behind_date + 1) != std::string_view::npos;
}

std::optional<int64_t> parse_timestamp_in(const ZoneClock* zone, std::string_view text) {
  const auto ms = parse_timestamp(text);
  if (!ms || !zone || says_zone(text)) return ms;
  return zone->instant_ms(*ms);
}

Result<int64_t> parse_instant_us_in(const ZoneClock* zone, std::string_view text) {
  const int64_t us = TRY(parse_instant_us(text, Zones::Kept, kTimestamptz));
  const bool is_word = text.find_first_of("0123456789") == std::string_view::npos;
  return is_word || says_zone(text) ? us : instant_us_of_clock(zone, us);
}

void append_zone_offset(std::string& out, int64_t east_ms) {
  const int64_t east_s = east_ms / kMsPerSecond, size = std::abs(east_s);
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{}{:02}", east_s < 0 ? '-' : '+', size / 3600);
  if (size % 3600 != 0) fmt::format_to(to, ":{:02}", size / 60 % 60);
  if (size % 60 != 0) fmt::format_to(to, ":{:02}", size % 60);
}

std::string instant_text_in(const ZoneClock* zone, int64_t instant_us) {
  if (!zone || is_infinite(instant_us)) return instant_text(instant_us, true);
  const int64_t east_ms = zone->east_ms(split_us(instant_us).ms);
  std::string text = instant_text(instant_us + east_ms * kUsPerMs, false);
  const bool is_bc = text.ends_with(" BC");
  if (is_bc) text.resize(text.size() - 3);
  append_zone_offset(text, east_ms);
  return is_bc ? text + " BC" : text;
}

bool is_clock(const SqlType& type) {
  return type.kind() == TypeKind::Timestamp && type.label() == label::kTimestamp;
}

bool is_instant(const SqlType& type) {
  return type.kind() == TypeKind::Timestamp && type.label() != label::kTimestamp;
}

bool is_kept_in_utc(const SqlType& type) {
  return type.kind() == TypeKind::String &&
         (type.label() == label::kExactTimestamptz || type.label() == label::kTstzRange ||
          type.label() == label::kTstzMultirange);
}

Result<std::string> normalized_text_in(const ZoneClock* zone, const SqlType& type,
                                       std::string_view text) {
  if (!zone || !is_kept_in_utc(type)) return normalized_text(type, text);
  if (type.label() == label::kExactTimestamptz)
    return instant_text(TRY(parse_instant_us_in(zone, text)), true);
  const auto in_utc = [&](const std::string& bound) -> Result<std::string> {
    return instant_text(TRY(parse_instant_us_in(zone, bound)), true);
  };
  return normalized_text(type, TRY(ranges_with(type, text, in_utc)));
}

std::string shown_text_in(const ZoneClock* zone, const SqlType& type, std::string_view kept) {
  std::string as_kept(kept);
  if (!zone || !is_kept_in_utc(type)) return as_kept;
  const auto in_zone = [&](std::string_view instant) -> Result<std::string> {
    return instant_text_in(zone, TRY(parse_instant_us(instant, Zones::Kept, kTimestamptz)));
  };
  const auto shown =
      type.label() == label::kExactTimestamptz ? in_zone(kept) : ranges_with(type, kept, in_zone);
  return shown ? *shown : as_kept;
}

std::string clock_text_of_instant(const ZoneClock* zone, std::string_view kept) {
  const auto us = parse_instant_us(kept, Zones::Kept, kTimestamptz);
  return us ? instant_text(clock_us_of_instant(zone, *us), false) : std::string(kept);
}
std::string instant_text_of_clock(const ZoneClock* zone, std::string_view kept) {
  const auto us = parse_instant_us(kept, Zones::Dropped, "timestamp");
  return us ? instant_text(instant_us_of_clock(zone, *us), true) : std::string(kept);
}

}  // namespace engine
