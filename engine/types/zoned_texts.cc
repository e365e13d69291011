#include "engine/types/zoned_texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_types.h"
#include "engine/types/styled_texts.h"
#include "engine/types/text_time.h"
#include "engine/types/written_dates.h"

namespace engine {

namespace {

constexpr int64_t kUsPerMs = 1'000;

// A time as milliseconds, rounded down, and the remaining microseconds.
struct Split {
  int64_t ms, us;
};
Split split_us(int64_t us) {
  int64_t ms = us / kUsPerMs, rest = us % kUsPerMs;
  if (rest < 0) --ms, rest += kUsPerMs;
  return {ms, rest};
}

constexpr std::string_view kTimestamptz = "timestamp with time zone";

// Applies `change` to the texts of a range's bounds.
template <class Change>
Result<std::string> range_with(Range range, const Change& change) {
  if (range.has_lower) range.lower = TRY(change(range.lower));
  if (range.has_upper) range.upper = TRY(change(range.upper));
  return range_text(range);
}

// Applies `change` to a range, or to each range of a multirange. Text between ranges is copied
// unchecked; a later parser refuses it if it is invalid.
template <class Change>
Result<std::string> ranges_with(const SqlType& type, std::string_view text, const Change& change) {
  const std::string_view name = find_label(type.label())->name;
  if (!is_multirange(type.label()))
    return range_with(TRY(parse_range(text, nullptr, name)), change);
  std::string out;
  while (!text.empty()) {
    const size_t next = text.find_first_of("[(");
    out += text.substr(0, next);
    if (next == std::string_view::npos) break;
    text.remove_prefix(next);
    size_t size = 0;
    const Range range = TRY(parse_range(text, &size, name));
    out += TRY(range_with(range, change));
    text.remove_prefix(size);
  }
  return out;
}

bool is_of_ranges(const SqlType& type) {
  return is_range(type.label()) || is_multirange(type.label());
}

}  // namespace

int64_t clock_us_of_instant(const ZoneClock* zone, int64_t instant_us) {
  if (!zone || is_infinite_instant(instant_us)) return instant_us;
  return instant_us + zone->east_ms(split_us(instant_us).ms) * kUsPerMs;
}
int64_t instant_us_of_clock(const ZoneClock* zone, int64_t clock_us) {
  if (!zone || is_infinite_instant(clock_us)) return clock_us;
  const Split clock = split_us(clock_us);
  return zone->instant_ms(clock.ms) * kUsPerMs + clock.us;
}

bool says_zone(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t\n\r\v\f"), text.size()));
  constexpr size_t kYearAndMonth = 8;  // a `-` within these characters is the date's, not a zone's
  const size_t behind_date = text.find_first_of(" Tt", kYearAndMonth);
  if (behind_date == std::string_view::npos) return false;
  return text.find_first_of("+-ZzUuGg", behind_date + 1) != std::string_view::npos;
}

std::optional<int64_t> parse_timestamp_in(const ZoneClock* zone, std::string_view text) {
  const auto ms = parse_timestamp(text);
  if (!ms || !zone || says_zone(text)) return ms;
  return zone->instant_ms(*ms);
}

Result<int64_t> plus_in_zone(const ZoneClock* zone, int64_t instant_us, const Interval& by) {
  if (!zone || (by.months == 0 && by.days == 0)) return plus(instant_us, by);
  const int64_t clock = TRY(plus(clock_us_of_instant(zone, instant_us), {0, by.days, by.months}));
  return plus(instant_us_of_clock(zone, clock), {by.us, 0, 0});
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
  if (!zone || is_infinite_instant(instant_us)) return instant_text(instant_us, true);
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

bool has_forms(const SqlType& type) {
  if (type.kind() != TypeKind::String) return false;
  switch (type.label()) {
    case label::kInterval:
    case label::kExactDate:
    case label::kExactTimestamp:
    case label::kDateRange:
    case label::kTsRange:
    case label::kDateMultirange:
    case label::kTsMultirange:
      return true;
    default:
      return is_kept_in_utc(type);
  }
}

Result<std::string_view> iso_text(std::string_view written, DateOrder order, std::string& buffer) {
  auto iso = TRY(iso_of_written(written, order));
  if (!iso) return written;
  buffer = *std::move(iso);
  return std::string_view(buffer);
}

Result<std::string> normalized_text_in(const TextForms& forms, const SqlType& type,
                                       std::string_view text) {
  if (!has_forms(type)) return normalized_text(type, text);
  if (type.label() == label::kInterval)
    return interval_text(TRY(parse_interval(text, forms.interval_style)));
  const auto in_iso = [&](std::string_view written) -> Result<std::string> {
    std::string buffer;
    const std::string_view iso = TRY(iso_text(written, forms.date_order, buffer));
    if (forms.zone && is_kept_in_utc(type))
      return instant_text(TRY(parse_instant_us_in(forms.zone.get(), iso)), true);
    return std::string(iso);
  };
  return normalized_text(
      type, is_of_ranges(type) ? TRY(ranges_with(type, text, in_iso)) : TRY(in_iso(text)));
}

std::string shown_text_in(const TextForms& forms, const SqlType& type, std::string_view kept) {
  std::string as_kept(kept);
  const bool is_as_kept = forms.are_as_kept() && !(forms.zone && is_kept_in_utc(type));
  if (is_as_kept || !has_forms(type)) return as_kept;
  if (type.label() == label::kInterval) {
    const auto interval = parse_interval(kept);
    return interval ? in_interval_style(forms.interval_style, *interval) : as_kept;
  }
  const auto in_forms = [&](std::string_view point) -> Result<std::string> {
    if (!is_kept_in_utc(type)) return in_date_style(forms, point);
    const int64_t us = TRY(parse_instant_us(point, Zones::Kept, kTimestamptz));
    return in_date_style(forms, instant_text_in(forms.zone.get(), us),
                         zone_name_at(forms.zone.get(), split_us(us).ms));
  };
  const auto shown = is_of_ranges(type) ? ranges_with(type, kept, in_forms) : in_forms(kept);
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
