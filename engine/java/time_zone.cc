#include "engine/java/time_zone.h"

#include <fmt/format.h>
#include <unicode/locid.h>
#include <unicode/timezone.h>
#include <unicode/tznames.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "engine/java/java_pattern.h"
#include "engine/java/zone_file.h"
#include "engine/types/ascii.h"
#include "engine/types/text_time.h"

namespace engine {

// The rules of a zone. Offsets are from the system's tz database if it has the zone, otherwise from ICU. Names are
// always from ICU.
struct TimeZone::Rules {
  std::unique_ptr<icu::TimeZone> icu;
  std::optional<ZoneFile> file = {};

  struct At {
    int64_t east_ms;
    bool is_daylight;
  };
  At at(int64_t epoch_ms) const {
    if (file) {
      const ZoneFile::At found = file->at(floor_div(epoch_ms, kMsPerSecond));
      return {int64_t{found.east_s} * 1000, found.is_daylight};
    }
    int32_t raw = 0, daylight = 0;
    UErrorCode status = U_ZERO_ERROR;
    icu->getOffset(static_cast<UDate>(epoch_ms), false, raw, daylight, status);
    return {raw + daylight, daylight != 0};
  }
};

namespace {

constexpr int32_t kMaxOffsetSeconds = 18 * 3600;  // java.time.ZoneOffset's limit

// The English names of a zone, and the region that Java uses for these names.
struct ZoneName {
  std::string_view meta_zone;  // name in CLDR for the zones that share these names
  std::string_view standard, daylight;
  const char* region;
};
constexpr ZoneName kZoneNames[] = {
    {"America_Pacific", "PST", "PDT", "America/Los_Angeles"},
    {"America_Mountain", "MST", "MDT", "America/Denver"},
    {"America_Central", "CST", "CDT", "America/Chicago"},
    {"America_Eastern", "EST", "EDT", "America/New_York"},
    {"Alaska", "AKST", "AKDT", "America/Anchorage"},
    {"Atlantic", "AST", "ADT", "America/Halifax"},
    {"Newfoundland", "NST", "NDT", "America/St_Johns"},
    {"Hawaii_Aleutian", "HST", "HDT", "Pacific/Honolulu"},
    {"Brasilia", "BRT", "BRST", "America/Sao_Paulo"},
    {"Argentina", "ART", "ARST", "America/Argentina/Buenos_Aires"},
    {"GMT", "GMT", "BST", "Europe/London"},
    {"Europe_Central", "CET", "CEST", "Europe/Paris"},
    {"Europe_Eastern", "EET", "EEST", "Europe/Helsinki"},
    {"Europe_Western", "WET", "WEST", "Europe/Lisbon"},
    {"Moscow", "MSK", "MSD", "Europe/Moscow"},
    {"Israel", "IST", "IDT", "Asia/Jerusalem"},
    {"India", "IST", "IST", "Asia/Kolkata"},
    {"China", "CST", "CDT", "Asia/Shanghai"},
    {"Hong_Kong", "HKT", "HKST", "Asia/Hong_Kong"},
    {"Singapore", "SGT", "SGT", "Asia/Singapore"},
    {"Japan", "JST", "JDT", "Asia/Tokyo"},
    {"Korea", "KST", "KDT", "Asia/Seoul"},
    {"Australia_Western", "AWST", "AWDT", "Australia/Perth"},
    {"Australia_Central", "ACST", "ACDT", "Australia/Adelaide"},
    {"Australia_Eastern", "AEST", "AEDT", "Australia/Sydney"},
    {"New_Zealand", "NZST", "NZDT", "Pacific/Auckland"},
    {"Africa_Southern", "SAST", "SAST", "Africa/Johannesburg"},
    {"Africa_Western", "WAT", "WAST", "Africa/Lagos"},
    {"Africa_Central", "CAT", "CAT", "Africa/Maputo"},
    {"Africa_Eastern", "EAT", "EAT", "Africa/Nairobi"},
};

// Three-letter ids of old Java versions that ICU accepts and java.time.ZoneId refuses.
constexpr std::string_view kLegacyIds[] = {
    "ACT", "AET", "AGT", "ART", "AST", "BET", "BST", "CAT", "CNT", "CST", "CTT", "EAT", "ECT",
    "IET", "IST", "JST", "MIT", "NET", "NST", "PLT", "PNT", "PRT", "PST", "SST", "VST"};

icu::UnicodeString to_icu(std::string_view text) {
  return icu::UnicodeString::fromUTF8({text.data(), static_cast<int32_t>(text.size())});
}

std::string to_utf8(const icu::UnicodeString& text) {
  std::string out;
  text.toUTF8String(out);
  return out;
}

std::optional<int32_t> two_digits(std::string_view text, size_t at) {
  if (at + 2 > text.size()) return std::nullopt;
  const char a = text[at], b = text[at + 1];
  if (a < '0' || a > '9' || b < '0' || b > '9') return std::nullopt;
  return (a - '0') * 10 + (b - '0');
}

// Parses "+h", "+hh", "+hh:mm", "+hhmm", "+hh:mm:ss" and "+hhmmss" as java.time.ZoneOffset does.
std::optional<int32_t> parse_offset(std::string_view text) {
  if (text.size() < 2 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const std::string padded = text.size() == 2 ? fmt::format("{}0{}", text[0], text[1]) : "";
  const std::string_view all = padded.empty() ? text : padded;
  const bool colon = all.size() > 3 && all[3] == ':';
  int32_t parts[3] = {0, 0, 0};
  size_t at = 1, count = 0;
  while (at < all.size()) {
    if (count == 3) return std::nullopt;
    if (count > 0 && colon && all[at++] != ':') return std::nullopt;
    const auto part = two_digits(all, at);
    if (!part) return std::nullopt;
    parts[count++] = *part;
    at += 2;
  }
  if (parts[1] > 59 || parts[2] > 59) return std::nullopt;
  const int32_t seconds = parts[0] * 3600 + parts[1] * 60 + parts[2];
  if (seconds > kMaxOffsetSeconds) return std::nullopt;
  return all[0] == '-' ? -seconds : seconds;
}

std::string offset_id(int32_t seconds) {
  if (seconds == 0) return "Z";
  const int32_t size = seconds < 0 ? -seconds : seconds;
  const std::string minutes =
      fmt::format("{}{:02}:{:02}", seconds < 0 ? '-' : '+', size / 3600, size / 60 % 60);
  return size % 60 == 0 ? minutes : fmt::format("{}:{:02}", minutes, size % 60);
}

Error unknown_zone(std::string_view id) {
  return Error{ErrorCode::InvalidParameter, fmt::format("unknown time zone '{}'", id)};
}

}  // namespace

TimeZone TimeZone::fixed(int32_t offset_seconds) {
  TimeZone zone;
  zone.id_ = offset_id(offset_seconds);
  zone.fixed_ms_ = offset_seconds * static_cast<int32_t>(kMsPerSecond);
  return zone;
}

Result<TimeZone> TimeZone::find(std::string_view id) {
  if (id == "Z") return utc();
  if (const auto offset = parse_offset(id)) return fixed(*offset);
  for (const std::string_view prefix : {"UTC", "GMT", "UT"}) {
    if (!id.starts_with(prefix)) continue;
    const auto offset = id == prefix ? 0 : parse_offset(id.substr(prefix.size()));
    if (!offset) continue;
    TimeZone zone = fixed(*offset);
    zone.id_ = id;
    return zone;
  }
  // Names may come from data (a pattern with VV or z), so the answers of ICU are cached, including
  // those for unknown names.
  thread_local std::map<std::string, std::optional<TimeZone>, std::less<>> known;
  constexpr size_t kMaxKnown = 1024;
  const auto seen = known.find(id);
  if (seen != known.end()) return seen->second ? Result<TimeZone>(*seen->second) : unknown_zone(id);
  if (known.size() >= kMaxKnown) known.clear();
  Result<TimeZone> zone = find_region(id);
  known.emplace(id, zone ? std::optional(*zone) : std::nullopt);
  return zone;
}

Result<TimeZone> TimeZone::find_region(std::string_view id) {
  if (std::ranges::find(kLegacyIds, id) != std::end(kLegacyIds)) return unknown_zone(id);
  std::unique_ptr<icu::TimeZone> rules(icu::TimeZone::createTimeZone(to_icu(id)));
  icu::UnicodeString found;
  // ICU returns "Etc/Unknown" for unknown names, and accepts "GMT5" as a custom zone. The comparison refuses both.
  if (to_utf8(rules->getID(found)) != id) return unknown_zone(id);
  TimeZone zone;
  zone.id_ = id;
  zone.rules_ = std::make_shared<const Rules>(Rules{std::move(rules), ZoneFile::find(id)});
  return zone;
}

TimeZone TimeZone::system() {
  const std::unique_ptr<icu::TimeZone> host(icu::TimeZone::detectHostTimeZone());
  icu::UnicodeString id;
  const auto zone = find(to_utf8(host->getID(id)));
  return zone ? *zone : utc();
}

int64_t TimeZone::offset_ms(int64_t epoch_ms) const {
  return rules_ ? rules_->at(epoch_ms).east_ms : fixed_ms_;
}

std::string TimeZone::abbreviation(int64_t epoch_ms) const {
  if (!rules_ || !rules_->file) return short_name(epoch_ms);
  return std::string(rules_->file->at(floor_div(epoch_ms, kMsPerSecond)).name);
}

int64_t TimeZone::to_epoch_ms(int64_t local_ms) const {
  if (!rules_) return local_ms - fixed_ms_;
  // If the zone's offset changes near this time, the change lies between a day before and a day after.
  constexpr int64_t kDayMs = 24 * 3600 * kMsPerSecond;
  const int64_t before = offset_ms(local_ms - kDayMs), after = offset_ms(local_ms + kDayMs);
  if (offset_ms(local_ms - before) == before) return local_ms - before;
  if (offset_ms(local_ms - after) == after) return local_ms - after;
  return local_ms - before;
}

std::string TimeZone::short_name(int64_t epoch_ms) const {
  if (!rules_) return id_;
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<icu::TimeZoneNames> names(
      icu::TimeZoneNames::createInstance(icu::Locale::getUS(), status));
  const bool is_daylight = rules_->at(epoch_ms).is_daylight;
  if (U_SUCCESS(status)) {
    icu::UnicodeString meta;
    names->getMetaZoneID(to_icu(id_), static_cast<UDate>(epoch_ms), meta);
    const std::string meta_zone = to_utf8(meta);
    for (const ZoneName& row : kZoneNames)
      if (row.meta_zone == meta_zone) return std::string(is_daylight ? row.daylight : row.standard);
  }
  icu::UnicodeString text;
  return to_utf8(rules_->icu->getDisplayName(is_daylight, icu::TimeZone::SHORT_COMMONLY_USED,
                                             icu::Locale::getUS(), text));
}

std::string TimeZone::long_name(int64_t epoch_ms) const {
  if (!rules_) return id_ == "UTC" ? "Coordinated Universal Time" : id_;
  icu::UnicodeString text;
  return to_utf8(rules_->icu->getDisplayName(rules_->at(epoch_ms).is_daylight, icu::TimeZone::LONG,
                                             icu::Locale::getUS(), text));
}

// Returns the long names ("Pacific Standard Time") of all zones that have short ones.
const std::vector<TimeZone::LongName>& TimeZone::long_names() {
  static const std::vector<LongName> names = [] {
    std::vector<LongName> made;
    for (const ZoneName& row : kZoneNames) {
      const Result<TimeZone> zone = find(row.region);
      if (!zone || !zone->rules_) continue;  // skips zones that ICU's data does not have
      for (const bool daylight : {false, true}) {
        icu::UnicodeString name;
        made.push_back({to_utf8(zone->rules_->icu->getDisplayName(daylight, icu::TimeZone::LONG,
                                                                  icu::Locale::getUS(), name)),
                        *zone});
      }
    }
    return made;
  }();
  return names;
}

Result<TimeZone::Named> TimeZone::parse_name(std::string_view text) {
  const auto is_id_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '_' || c == '+' || c == '-' || c == ':';
  };
  size_t size = 0;
  while (size < text.size() && is_id_letter(text[size])) ++size;
  for (const ZoneName& row : kZoneNames) {
    for (const std::string_view name : {row.standard, row.daylight})
      if (name != "GMT" && equals_ignoring_case(text.substr(0, size), name))
        return Named{TRY(find(row.region)), size};
  }
  for (const LongName& long_name : long_names())
    if (starts_ignoring_case(text, long_name.name))
      return Named{long_name.zone, long_name.name.size()};
  for (; size > 0; --size) {
    const auto zone = find(text.substr(0, size));
    if (zone) return Named{*zone, size};
  }
  return unknown_zone(text);
}

}  // namespace engine
