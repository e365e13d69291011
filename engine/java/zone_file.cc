#include "engine/java/zone_file.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "engine/java/java_pattern.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

constexpr int64_t kSecondsOfDay = 86'400;
constexpr size_t kMostBytes = 1 << 20;  // far above the size of any real file

// Reads consecutive numbers, most significant byte first.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool has_failed() const { return has_failed_; }
  std::string_view rest() const { return rest_; }
  std::string_view take(uint64_t size) {
    if (size > rest_.size()) {
      has_failed_ = true;
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  uint64_t number(size_t size) {
    uint64_t value = 0;
    for (const char byte : take(size)) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  }

 private:
  std::string_view rest_;
  bool has_failed_ = false;
};

struct Header {
  uint64_t utc_flags, standard_flags, leaps, transitions, kinds, letters;
  uint64_t block_size(uint64_t time_size) const {
    return transitions * (time_size + 1) + kinds * 6 + letters + leaps * (time_size + 4) +
           standard_flags + utc_flags;
  }
};

std::optional<Header> read_header(Reader& reader, char& version) {
  if (reader.take(4) != "TZif") return std::nullopt;
  const std::string_view said = reader.take(1);
  reader.take(15);
  Header header{};
  for (uint64_t* count : {&header.utc_flags, &header.standard_flags, &header.leaps,
                          &header.transitions, &header.kinds, &header.letters})
    *count = reader.number(4);
  if (reader.has_failed()) return std::nullopt;
  version = said.front();
  return header;
}

// ---- Rules in the format of POSIX's variable TZ

std::optional<int32_t> take_number(std::string_view& text, int32_t most) {
  int32_t value = 0;
  size_t digits = 0;
  for (; digits < text.size() && digits < 4 && text[digits] >= '0' && text[digits] <= '9'; ++digits)
    value = value * 10 + (text[digits] - '0');
  if (digits == 0 || value > most) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// Takes [+-]hh[:mm[:ss]] off the front of the text and returns seconds.
std::optional<int32_t> take_time(std::string_view& text) {
  constexpr int32_t kMostHours = 167;
  const bool is_negative = take(text, '-');
  if (!is_negative) take(text, '+');
  int32_t seconds = 0;
  for (const int32_t unit : {3600, 60, 1}) {
    const auto part = take_number(text, unit == 3600 ? kMostHours : 59);
    if (!part) return std::nullopt;
    seconds += *part * unit;
    if (!take(text, ':')) break;
  }
  return is_negative ? -seconds : seconds;
}

std::optional<std::string> take_name(std::string_view& text) {
  const bool is_quoted = take(text, '<');
  const size_t end = is_quoted ? text.find('>') : text.find_first_of("0123456789+-,");
  if (end == std::string_view::npos && is_quoted) return std::nullopt;
  std::string name(text.substr(0, end));
  text.remove_prefix(std::min(text.size(), name.size() + (is_quoted ? 1 : 0)));
  if (name.empty()) return std::nullopt;
  return name;
}

}  // namespace

int64_t ZoneFile::YearlyDay::begins_s(int64_t year) const {
  int64_t days = days_from_civil({year, 1, 1});
  const bool is_leap = days_in_month(year, 2) == 29;
  switch (by) {
    case By::Day:
      days += day;
      break;
    case By::DayWithoutLeap:
      days += day - 1 + (is_leap && day > 59 ? 1 : 0);
      break;
    case By::WeekOfMonth: {
      days = days_from_civil({year, month, 1});
      // `% 7`, because Sunday is 7 in day_of_week(), and 0 in POSIX.
      const int64_t first = (day - day_of_week(days) % 7 + 7) % 7;
      days += first + 7 * (week - 1);
      const int64_t end = days_from_civil({year, month, 1}) + days_in_month(year, month);
      while (days >= end) days -= 7;  // the fifth week means the last week of the month
    }
  }
  return days * kSecondsOfDay + time_s;
}

std::optional<ZoneFile::Yearly> ZoneFile::parse_yearly(std::string_view text) {
  Yearly yearly;
  auto name = take_name(text);
  auto west = name ? take_time(text) : std::nullopt;
  if (!west) return std::nullopt;
  yearly.standard = {-*west, false, *std::move(name)};
  if (text.empty()) return yearly;
  name = take_name(text);
  if (!name) return std::nullopt;
  const bool has_offset = !text.empty() && text.front() != ',';
  west = has_offset ? take_time(text) : std::optional(*west - 3600);
  if (!west) return std::nullopt;
  yearly.daylight = {-*west, true, *std::move(name)};
  yearly.has_daylight = true;
  for (YearlyDay* each : {&yearly.begin, &yearly.end}) {
    if (!take(text, ',')) return std::nullopt;
    if (take(text, 'M')) {
      const auto month = take_number(text, 12);
      const auto week = month && take(text, '.') ? take_number(text, 5) : std::nullopt;
      const auto day = week && take(text, '.') ? take_number(text, 6) : std::nullopt;
      if (!day || *month == 0 || *week == 0) return std::nullopt;
      *each = {YearlyDay::By::WeekOfMonth, *month, *week, *day};
    } else {
      const bool is_without_leap = take(text, 'J');
      const auto day = take_number(text, 365);
      if (!day) return std::nullopt;
      *each = {is_without_leap ? YearlyDay::By::DayWithoutLeap : YearlyDay::By::Day, 0, 0, *day};
    }
    if (!take(text, '/')) continue;
    const auto time = take_time(text);
    if (!time) return std::nullopt;
    each->time_s = *time;
  }
  return text.empty() ? std::optional(yearly) : std::nullopt;
}

std::optional<ZoneFile> ZoneFile::find(std::string_view id) {
  if (id.empty() || id.front() == '/' || id.find("..") != std::string_view::npos)
    return std::nullopt;
  const char* const configured = std::getenv("TZDIR");  // NOLINT(concurrency-mt-unsafe): never set
  std::ifstream file(
      std::string(configured ? configured : "/usr/share/zoneinfo") + "/" + std::string(id),
      std::ios::binary);
  if (!file) return std::nullopt;
  std::string bytes(kMostBytes, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return parse(bytes);
}

std::optional<ZoneFile> ZoneFile::parse(std::string_view bytes) {
  Reader reader(bytes);
  char version = '\0';
  auto header = read_header(reader, version);
  if (!header) return std::nullopt;
  size_t time_size = 4;
  if (version >= '2') {  // a second block with larger numbers follows
    reader.take(header->block_size(time_size));
    header = read_header(reader, version);
    if (!header) return std::nullopt;
    time_size = 8;
  }
  if (header->block_size(time_size) > reader.rest().size() || header->kinds == 0 ||
      header->kinds > 256)
    return std::nullopt;
  ZoneFile zone;
  for (uint64_t i = 0; i < header->transitions; ++i) {
    const uint64_t at = reader.number(time_size);
    zone.transitions_.push_back(time_size == 8 ? static_cast<int64_t>(at)
                                               : int64_t{static_cast<int32_t>(at)});
  }
  for (uint64_t i = 0; i < header->transitions; ++i)
    zone.kinds_of_.push_back(static_cast<uint8_t>(reader.number(1)));
  std::vector<uint64_t> names;
  for (uint64_t i = 0; i < header->kinds; ++i) {
    const auto east_s = static_cast<int32_t>(static_cast<uint32_t>(reader.number(4)));
    const bool is_daylight = reader.number(1) != 0;
    names.push_back(reader.number(1));
    zone.kinds_.push_back({east_s, is_daylight, {}});
  }
  const std::string_view letters = reader.take(header->letters);
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] >= letters.size()) return std::nullopt;
    const std::string_view name = letters.substr(names[i]);
    zone.kinds_[i].name = name.substr(0, name.find('\0'));
  }
  const bool are_sound =
      std::ranges::is_sorted(zone.transitions_) &&
      std::ranges::all_of(zone.kinds_of_, [&](uint8_t kind) { return kind < zone.kinds_.size(); });
  if (reader.has_failed() || !are_sound) return std::nullopt;
  reader.take(header->leaps * (time_size + 4) + header->standard_flags + header->utc_flags);
  std::string_view footer = reader.rest();
  if (time_size == 4 || !take(footer, '\n')) return zone;
  footer = footer.substr(0, footer.find('\n'));
  if (footer.empty()) return zone;
  zone.yearly_ = parse_yearly(footer);
  return zone.yearly_ ? std::optional(std::move(zone)) : std::nullopt;
}

ZoneFile::At ZoneFile::at(int64_t epoch_s) const {
  const auto next = std::ranges::upper_bound(transitions_, epoch_s);
  if (next == transitions_.begin() && !transitions_.empty()) return shown(kinds_.front());
  const bool is_behind = next == transitions_.end();
  if (!is_behind || !yearly_)
    return shown(transitions_.empty()
                     ? kinds_.front()
                     : kinds_[kinds_of_[static_cast<size_t>(next - transitions_.begin()) - 1]]);
  if (!yearly_->has_daylight) return shown(yearly_->standard);
  const int64_t local_s = epoch_s + yearly_->standard.east_s;
  const int64_t year = civil_from_days(floor_div(local_s, kSecondsOfDay)).year;
  const int64_t begin = yearly_->begin.begins_s(year) - yearly_->standard.east_s;
  const int64_t end = yearly_->end.begins_s(year) - yearly_->daylight.east_s;
  const bool is_daylight =
      begin < end ? epoch_s >= begin && epoch_s < end : epoch_s >= begin || epoch_s < end;
  return shown(is_daylight ? yearly_->daylight : yearly_->standard);
}

}  // namespace engine
