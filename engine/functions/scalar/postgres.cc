// PostgreSQL's functions, with the results of PostgreSQL 15. A function that ksqlDB has, too, keeps ksqlDB's meaning.
#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <chrono>
#include <optional>
#include <string>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/functions/scalar/time_units.h"
#include "engine/functions/session_zone.h"
#include "engine/functions/text_search.h"
#include "engine/java/utf16.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

using Text = std::string_view;

// ---- Texts: characters are code points, not UTF-16 units as in LEN and SUBSTRING

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }
int32_t character_count(Text text) {
  return static_cast<int32_t>(std::ranges::count_if(text, begins_character));
}

int32_t strpos(Text text, Text wanted) {
  const size_t found = wanted.empty() ? 0 : TextMatches(text, wanted, 0).next();
  return found == TextMatches::kNone ? 0 : character_count(text.substr(0, found)) + 1;
}

// Returns the byte offset of the character with the index `number`, counted from 0. Returns the size of the text if it
// has fewer characters, and 0 if `number` is negative.
size_t place_of(Text text, int64_t number) {
  size_t at = 0;
  for (; number > 0 && at < text.size(); --number) at += character_size(text, at);
  return std::min(at, text.size());
}

// Returns the first `count` characters. A negative count removes that number of characters from the end instead.
Text left(Text text, int32_t count) {
  return text.substr(
      0, place_of(text, count >= 0 ? int64_t{count} : character_count(text) + int64_t{count}));
}
Text right(Text text, int32_t count) {
  return text.substr(
      place_of(text, count >= 0 ? character_count(text) - int64_t{count} : -int64_t{count}));
}

// Return the text from a position on. Positions count from 1. A position before the text is
// allowed, and the length then also counts the positions before the text.
Text substr(Text text, int32_t from) { return text.substr(place_of(text, int64_t{from} - 1)); }
Result<Text> substr_of_length(Text text, int32_t from, int32_t length) {
  if (length < 0)
    return Error{ErrorCode::InvalidParameter, "negative substring length not allowed"};
  const size_t begin = place_of(text, int64_t{from} - 1);
  const size_t end = place_of(text, int64_t{from} - 1 + length);
  return text.substr(begin, end - begin);
}

// Do the same for bytes.
Text bytes_from(Text bytes, int32_t from) {
  return bytes.substr(std::min(bytes.size(), static_cast<size_t>(std::max(from - 1, 0))));
}
Result<Text> bytes_of_length(Text bytes, int32_t from, int32_t length) {
  if (length < 0)
    return Error{ErrorCode::InvalidParameter, "negative substring length not allowed"};
  const auto place = [&](int64_t number) {
    return static_cast<size_t>(std::clamp<int64_t>(number, 0, static_cast<int64_t>(bytes.size())));
  };
  const size_t begin = place(int64_t{from} - 1), end = place(int64_t{from} - 1 + length);
  return bytes.substr(begin, end - begin);
}

int32_t octet_length(Text text) { return static_cast<int32_t>(text.size()); }

// Maps characters to texts in constant time, because texts and character sets may both be long.
class CharacterTable {
 public:
  // Adds an entry. The first entry of a character counts.
  void add(Text character, Text value) {
    if (character.size() > 1) {
      others_.emplace(character, value);
    } else if (const auto at = static_cast<unsigned char>(character[0]); !has_[at]) {
      has_[at] = true;
      values_[at] = value;
    }
  }
  // Returns the value of the character; null if it has no entry.
  const Text* find(Text character) const {
    if (character.size() == 1) {
      const auto at = static_cast<unsigned char>(character[0]);
      return has_[at] ? &values_[at] : nullptr;
    }
    const auto found = others_.find(character);
    return found == others_.end() ? nullptr : &found->second;
  }

 private:
  std::bitset<256> has_;
  std::array<Text, 256> values_;  // an element is valid only if has_ contains its index
  absl::flat_hash_map<Text, Text> others_;
};

// Replaces each character of `from` in the text by the character at the same position in `to`, or deletes it if `to` is
// shorter.
Result<std::string> translate(const KernelCall& call, Text text, Text from, Text to) {
  constexpr size_t kStepsBetweenLooks = 64 * 1024;
  size_t steps = 0;
  const auto may_go_on = [&] {
    return ++steps % kStepsBetweenLooks != 0 || !call.context.is_over();
  };
  CharacterTable table;
  while (!from.empty()) {
    const Text put = to.empty() ? Text() : to.substr(0, character_size(to, 0));
    const Text character = from.substr(0, character_size(from, 0));
    table.add(character, put);
    to.remove_prefix(put.size());
    from.remove_prefix(character.size());
    if (!may_go_on()) return call.context.budget->status().error();
  }
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const Text character = text.substr(at, character_size(text, at));
    at += character.size();
    const Text* const put = table.find(character);
    out += put ? *put : character;
    if (!call.context.has_bytes(out.size())) return call.context.too_large(out.size());
    if (!may_go_on()) return call.context.budget->status().error();
  }
  return out;
}

bool starts_with(Text text, Text prefix) { return text.starts_with(prefix); }

std::string_view reverse(StringHeap& heap, Text text) {
  char* const to = heap.allocate(text.size());
  char* end = to + text.size();
  for (size_t at = 0; at < text.size();) {
    const size_t size = character_size(text, at);
    end -= size;
    std::ranges::copy(text.substr(at, size), end);
    at += size;
  }
  return {to, text.size()};
}

Result<std::string> repeat(const KernelCall& call, Text text, int32_t times) {
  if (times <= 0 || text.empty()) return std::string();
  const auto count = static_cast<size_t>(times);
  if (count > kMaxValueBytes / text.size() || !call.context.has_bytes(count * text.size()))
    return call.context.too_large(count > kMaxValueBytes / text.size() ? kMaxValueBytes + 1
                                                                       : count * text.size());
  std::string out;
  out.reserve(count * text.size());
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

Result<Text> split_part(Text text, Text delimiter, int32_t wanted) {
  if (wanted == 0) return Error{ErrorCode::InvalidParameter, "field position must not be zero"};
  if (delimiter.empty()) return wanted == 1 || wanted == -1 ? text : Text();
  const auto part = [&](int64_t number) {
    TextMatches matches(text, delimiter, 0);
    size_t begin = 0;
    for (int64_t i = 1;; ++i) {
      const size_t end = matches.next();
      if (i == number)
        return text.substr(begin, end == TextMatches::kNone ? Text::npos : end - begin);
      if (end == TextMatches::kNone) return Text();
      begin = end + delimiter.size();
    }
  };
  if (wanted > 0) return part(wanted);
  int64_t parts = 1;
  TextMatches matches(text, delimiter, 0);
  while (matches.next() != TextMatches::kNone) ++parts;
  const int64_t number = parts + 1 + wanted;
  return number > 0 ? part(number) : Text();
}

enum class End : uint8_t { Left, Right, Both };

// Removes characters that occur in `cut` from the ends of the text.
template <End end>
Text trim_characters(Text text, Text cut) {
  constexpr size_t kShort = 16;  // scanning a set of this size is as fast as a table
  std::optional<CharacterTable> table;
  if (cut.size() > kShort) table.emplace();
  for (size_t at = 0; table && at < cut.size();) {
    const Text character = cut.substr(at, character_size(cut, at));
    table->add(character, {});
    at += character.size();
  }
  const auto is_cut = [&](Text character) {
    return table ? table->find(character) != nullptr : cut.find(character) != Text::npos;
  };
  while (end != End::Right && !text.empty()) {
    const size_t size = character_size(text, 0);
    if (!is_cut(text.substr(0, size))) break;
    text.remove_prefix(size);
  }
  while (end != End::Left && !text.empty()) {
    size_t begin = text.size() - 1;
    while (begin > 0 && !begins_character(text[begin])) --begin;
    if (!is_cut(text.substr(begin))) break;
    text = text.substr(0, begin);
  }
  return text;
}
template <End end>
Text trim_blanks(Text text) {
  return trim_characters<end>(text, " ");
}

// Returns the code point of the first character; 0 for an empty text.
int32_t ascii(Text text) {
  if (text.empty()) return 0;
  const auto byte_at = [&](size_t i) {
    return static_cast<int32_t>(static_cast<unsigned char>(text[i]));
  };
  const size_t size = character_size(text, 0);
  if (size == 1) return byte_at(0);
  int32_t code = byte_at(0) & (0xff >> (size + 1));
  for (size_t i = 1; i < size; ++i) code = (code << 6) | (byte_at(i) & 0x3f);
  return code;
}

// ---- Bytes

Status check_index(Text bytes, int32_t index) {
  if (index >= 0 && static_cast<size_t>(index) < bytes.size()) return {};
  return Error{ErrorCode::OutOfRange, "index " + std::to_string(index) +
                                          " out of valid range, 0.." +
                                          std::to_string(static_cast<int64_t>(bytes.size()) - 1)};
}
Result<int32_t> get_byte(Text bytes, int32_t index) {
  TRY(check_index(bytes, index));
  return static_cast<unsigned char>(bytes[static_cast<size_t>(index)]);
}
Result<std::string> set_byte(Text bytes, int32_t index, int32_t value) {
  TRY(check_index(bytes, index));
  std::string changed(bytes);
  changed[static_cast<size_t>(index)] = static_cast<char>(value);
  return changed;
}

// ---- Numbers

template <class Number>
Result<Number> mod(Number a, Number b) {
  if (b == 0) return Error{ErrorCode::DivisionByZero, "division by zero"};
  return b == -1 ? Number{0}
                 : static_cast<Number>(a % b);  // the smallest number divided by -1 does not fit
}

// ---- Times are local times: in UTC or, in SELECTs over tables, in the session's zone. The binder
// converts instants to them.

int64_t now(const KernelCall& call) { return call.context.clock.wall_ms(); }

constexpr int64_t kMsPerUnitSecond = 1'000, kMsPerDay = 86'400'000;

struct Calendar {
  std::chrono::sys_days day;
  std::chrono::year_month_day date;
  int64_t ms_of_day;
};
// Returns nullopt outside of the calendar's range.
std::optional<Calendar> calendar(int64_t ms) {
  const int64_t days = ms / kMsPerDay - (ms % kMsPerDay < 0 ? 1 : 0);
  if (days < -11'000'000 || days > 11'000'000) return std::nullopt;
  const std::chrono::sys_days day{std::chrono::days(days)};
  return Calendar{day, day, ms - days * kMsPerDay};
}
int64_t to_ms(std::chrono::sys_days day) { return day.time_since_epoch().count() * kMsPerDay; }

// Returns the Monday on or before the day.
std::chrono::sys_days monday(std::chrono::sys_days day) {
  return day - (std::chrono::weekday(day) - std::chrono::Monday);
}
// Returns the year of the week. By ISO 8601, a week belongs to the year of its Thursday.
std::chrono::year iso_year(std::chrono::sys_days day) {
  return std::chrono::year_month_day(monday(day) + std::chrono::days(3)).year();
}

// Returns the year as PostgreSQL shows it: year 0 of the calendar is the year -1, which is 1 BC.
int64_t without_zero(int64_t year) { return year > 0 ? year : year - 1; }
int64_t years_of(const Calendar& at) { return int(at.date.year()); }
// Return the number of a decade, and of a century or millennium, as in PostgreSQL. Decades are numbered by the
// calendar, whose year 0 is 1 BC; centuries and millennia count from 1 AD on, and from 1 BC backwards, without a 0.
int64_t decade(int64_t year) { return year >= 0 ? year / 10 : -((9 - year) / 10); }
int64_t hundreds(int64_t year, int64_t years) {
  return year > 0 ? (year + years - 1) / years : -((years - year) / years);
}
// Returns the first year of the century or millennium of `year`.
int64_t first_of_hundreds(int64_t year, int64_t years) {
  const int64_t number = hundreds(year, years);
  return number > 0 ? (number - 1) * years + 1 : number * years + 1;
}

Error unknown_unit(Text unit) {
  return {ErrorCode::InvalidParameter,
          "unit \"" + std::string(unit.substr(0, 40)) + "\" is not recognized for a timestamp"};
}

Result<std::optional<int64_t>> date_trunc(Text unit_text, int64_t ms) {
  using std::chrono::January;
  const std::string unit = unit_name(unit_text);
  constexpr std::array<std::pair<Text, int64_t>, 6> kParts{{{"microseconds", 1},
                                                            {"milliseconds", 1},
                                                            {"second", kMsPerUnitSecond},
                                                            {"minute", 60 * kMsPerUnitSecond},
                                                            {"hour", 3'600 * kMsPerUnitSecond},
                                                            {"day", kMsPerDay}}};
  const auto time = calendar(ms);
  if (const auto part = std::ranges::find(kParts, Text(unit), &std::pair<Text, int64_t>::first);
      part != kParts.end())
    return time ? std::optional(ms - time->ms_of_day % part->second) : std::nullopt;
  const auto of_day = [&](const auto& day_of) -> Result<std::optional<int64_t>> {
    if (!time) return std::optional<int64_t>();
    return std::optional(to_ms(day_of(*time)));
  };
  if (unit == "week") return of_day([](const Calendar& at) { return monday(at.day); });
  if (unit == "month")
    return of_day([](const Calendar& at) {
      return std::chrono::sys_days(at.date.year() / at.date.month() / 1);
    });
  if (unit == "quarter")
    return of_day([](const Calendar& at) {
      const unsigned month = (static_cast<unsigned>(at.date.month()) - 1) / 3 * 3 + 1;
      return std::chrono::sys_days(at.date.year() / std::chrono::month(month) / 1);
    });
  if (unit == "year")
    return of_day(
        [](const Calendar& at) { return std::chrono::sys_days(at.date.year() / January / 1); });
  const auto year_begins = [](int64_t year) {
    return std::chrono::sys_days(std::chrono::year(static_cast<int>(year)) / January / 1);
  };
  if (unit == "decade")
    return of_day([&](const Calendar& at) { return year_begins(decade(years_of(at)) * 10); });
  if (unit == "century")
    return of_day(
        [&](const Calendar& at) { return year_begins(first_of_hundreds(years_of(at), 100)); });
  if (unit == "millennium")
    return of_day(
        [&](const Calendar& at) { return year_begins(first_of_hundreds(years_of(at), 1000)); });
  return unknown_unit(unit_text);
}

struct DatePart {
  Text name;
  double (*of)(const Calendar& at);
};
constexpr std::array kDateParts{
    DatePart{"year", [](const Calendar& at) { return double(without_zero(years_of(at))); }},
    DatePart{"isoyear",
             [](const Calendar& at) { return double(without_zero(int(iso_year(at.day)))); }},
    DatePart{"decade", [](const Calendar& at) { return double(decade(years_of(at))); }},
    DatePart{"century", [](const Calendar& at) { return double(hundreds(years_of(at), 100)); }},
    DatePart{"millennium", [](const Calendar& at) { return double(hundreds(years_of(at), 1000)); }},
    DatePart{"quarter",
             [](const Calendar& at) { return double((unsigned(at.date.month()) + 2) / 3); }},
    DatePart{"month", [](const Calendar& at) { return double(unsigned(at.date.month())); }},
    DatePart{"week",
             [](const Calendar& at) {
               const std::chrono::sys_days first =
                   monday(std::chrono::sys_days(iso_year(at.day) / std::chrono::January / 4));
               return double((monday(at.day) - first).count() / 7 + 1);
             }},
    DatePart{"day", [](const Calendar& at) { return double(unsigned(at.date.day())); }},
    DatePart{"dow",
             [](const Calendar& at) { return double(std::chrono::weekday(at.day).c_encoding()); }},
    DatePart{
        "isodow",
        [](const Calendar& at) { return double(std::chrono::weekday(at.day).iso_encoding()); }},
    DatePart{"doy",
             [](const Calendar& at) {
               const std::chrono::sys_days first(at.date.year() / std::chrono::January / 1);
               return double((at.day - first).count() + 1);
             }},
    DatePart{"hour", [](const Calendar& at) { return double(at.ms_of_day / 3'600'000); }},
    DatePart{"minute", [](const Calendar& at) { return double(at.ms_of_day / 60'000 % 60); }},
    DatePart{"second", [](const Calendar& at) { return double(at.ms_of_day % 60'000) / 1e3; }},
    DatePart{"milliseconds", [](const Calendar& at) { return double(at.ms_of_day % 60'000); }},
    DatePart{"microseconds",
             [](const Calendar& at) { return double(at.ms_of_day % 60'000 * 1'000); }},
    DatePart{"julian",
             [](const Calendar& at) {
               constexpr int64_t kOf1970 = 2'440'588;  // the Julian day of 1970-01-01
               return double(at.day.time_since_epoch().count() + kOf1970) +
                      double(at.ms_of_day) / double(kMsPerDay);
             }},
    DatePart{"epoch",
             [](const Calendar& at) { return double(to_ms(at.day) + at.ms_of_day) / 1e3; }},
};

Result<std::optional<double>> date_part(Text unit, int64_t ms) {
  const auto part = std::ranges::find(kDateParts, Text(unit_name(unit)), &DatePart::name);
  if (part == kDateParts.end()) return unknown_unit(unit);
  const auto time = calendar(ms);
  return time ? std::optional(part->of(*time)) : std::nullopt;
}

Result<std::optional<double>> date_part_of_date(Text unit, int32_t days) {
  return date_part(unit, days * kMsPerDay);
}
// Returns a field of a time of day. Fails for a field that only a date has.
Result<std::optional<double>> date_part_of_time(Text unit, int32_t ms) {
  constexpr std::array<Text, 6> kUnits{"hour",         "minute",       "second",
                                       "milliseconds", "microseconds", "epoch"};
  const std::string name = unit_name(unit);
  if (std::ranges::find(kUnits, Text(name)) == kUnits.end())
    return Error{ErrorCode::InvalidParameter, "unit \"" + name + "\" is not recognized for a time"};
  return date_part(unit, ms);
}
Result<std::optional<int64_t>> date_trunc_of_date(Text unit, int32_t days) {
  return date_trunc(unit, days * kMsPerDay);
}

// Truncates an instant in the session's zone. For hours and shorter units, the zone's offset at the
// instant is used. So when clocks are set back and one hour occurs twice, its two occurrences have
// different results. Longer units begin when local clocks show their beginning.
Result<std::optional<int64_t>> date_trunc_in_zone(const KernelCall& call, PerBatch<CallZone>& zones,
                                                  Text unit, int64_t ms) {
  const ZoneClock* zone = zones->of(call);
  if (!zone) return date_trunc(unit, ms);
  constexpr std::array<Text, 5> kShort{"milliseconds", "millisecond", "second", "minute", "hour"};
  const bool keeps_offset = std::ranges::find(kShort, Text(unit_name(unit))) != kShort.end();
  const int64_t east_ms = zone->east_ms(ms);
  const auto begin = TRY(date_trunc(unit, ms + east_ms));
  if (!begin) return begin;
  return std::optional(keeps_offset ? *begin - east_ms : zone->instant_ms(*begin));
}
Result<std::optional<int64_t>> date_trunc_of_date_in_zone(const KernelCall& call,
                                                          PerBatch<CallZone>& zones, Text unit,
                                                          int32_t days) {
  const auto begin = TRY(date_trunc_of_date(unit, days));
  return begin ? std::optional(instant_of_clock(zones->of(call), *begin)) : begin;
}

int64_t clock_now(const KernelCall& call) {
  const ZoneClockPtr zone = session_zone(call.context);
  return clock_of_instant(zone.get(), call.context.clock.wall_ms());
}
int32_t current_date(const KernelCall& call) {
  return static_cast<int32_t>(clock_now(call) / kMsPerDay);
}
int32_t current_time(const KernelCall& call) {
  return static_cast<int32_t>(clock_now(call) % kMsPerDay);
}

constexpr FunctionDef kPostgresDefs[] = {
    {.name = "left",
     .signature = "(STRING text, INT count) -> STRING",
     .doc = "The first n characters; for a negative n all except the last -n. Over tables the name "
            "needs no quotes.",
     .example = "`LEFT`('stream', 2) = 'st'",
     .kernel = row_kernel<left>},
    {.name = "right",
     .signature = "(STRING text, INT count) -> STRING",
     .doc = "The last n characters; for a negative n all except the first -n. Over tables the name "
            "needs no quotes.",
     .example = "`RIGHT`('stream', -4) = 'am'",
     .kernel = row_kernel<right>},
    {.name = "substr",
     .signature = "(STRING text, INT from) -> STRING",
     .doc = "The characters from a position on, counted from 1.",
     .example = "SUBSTR('stream', 3) = 'ream'",
     .kernel = row_kernel<substr>},
    {.name = "substr",
     .signature = "(STRING text, INT from, INT count) -> STRING",
     .doc = "At most `count` characters from a position on; those before the text count.",
     .example = "SUBSTR('stream', 0, 3) = 'st'",
     .kernel = row_kernel<substr_of_length>},
    {.name = "pg_catalog.substring",
     .signature = "(STRING text, INT from) -> STRING",
     .doc = "Over tables: the characters from a position on, counted from 1.",
     .example = "SUBSTRING('stream', 3) = 'ream'",
     .kernel = row_kernel<substr>},
    {.name = "pg_catalog.substring",
     .signature = "(STRING text, INT from, INT count) -> STRING",
     .doc = "Over tables: at most `count` characters from a position on; those before the text "
            "count.",
     .example = "SUBSTRING('stream', 2, 3) = 'tre'",
     .kernel = row_kernel<substr_of_length>},
    {.name = "pg_catalog.substring",
     .signature = "(BYTES bytes, INT from) -> BYTES",
     .doc = "Over tables: the bytes from a position on, counted from 1.",
     .example = "SUBSTRING(TO_BYTES('stream', 'utf8'), 3) = TO_BYTES('ream', 'utf8')",
     .kernel = row_kernel<bytes_from>},
    {.name = "pg_catalog.substring",
     .signature = "(BYTES bytes, INT from, INT count) -> BYTES",
     .doc = "Over tables: at most `count` bytes from a position on; positions before the first "
            "byte count.",
     .example = "SUBSTRING(TO_BYTES('stream', 'utf8'), 2, 3) = TO_BYTES('tre', 'utf8')",
     .kernel = row_kernel<bytes_of_length>},
    {.name = "octet_length",
     .signature = "(STRING text) -> INT",
     .doc = "The number of bytes of the text in UTF-8.",
     .example = "OCTET_LENGTH('né') = 3",
     .kernel = row_kernel<octet_length>},
    {.name = "octet_length",
     .signature = "(BYTES bytes) -> INT",
     .doc = "The number of bytes.",
     .example = "OCTET_LENGTH(TO_BYTES('né', 'utf8')) = 3",
     .kernel = row_kernel<octet_length>},
    {.name = "translate",
     .signature = "(STRING text, STRING from, STRING to) -> STRING",
     .doc = "Replaces each character of `from` by the character at the same position in `to`, or "
            "removes it if `to` is shorter.",
     .example = "TRANSLATE('12345', '143', 'ax') = 'a2x5'",
     .kernel = row_kernel<translate>},
    {.name = "length",
     .signature = "(STRING text) -> INT",
     .doc = "The number of characters of the text.",
     .example = "LENGTH('né') = 2",
     .kernel = row_kernel<character_count>},
    {.name = "length",
     .signature = "(BYTES bytes) -> INT",
     .doc = "The number of bytes.",
     .example = "LENGTH(TO_BYTES('né', 'utf8')) = 3",
     .kernel = row_kernel<octet_length>},
    {.name = "char_length",
     .signature = "(STRING text) -> INT",
     .doc = "The number of characters of the text.",
     .example = "CHAR_LENGTH('né') = 2",
     .kernel = row_kernel<character_count>},
    {.name = "strpos",
     .signature = "(STRING text, STRING wanted) -> INT",
     .doc = "The position of a text in another, counted from 1; 0 if it does not occur.",
     .example = "STRPOS('stream', 'ea') = 4",
     .kernel = row_kernel<strpos>},
    {.name = "starts_with",
     .signature = "(STRING text, STRING prefix) -> BOOLEAN",
     .doc = "Whether the text begins with the prefix.",
     .example = "STARTS_WITH('stream', 'st')",
     .kernel = row_kernel<starts_with>},
    {.name = "reverse",
     .signature = "(STRING text) -> STRING",
     .doc = "The characters from the last to the first.",
     .example = "REVERSE('abc') = 'cba'",
     .kernel = row_kernel<reverse>},
    {.name = "repeat",
     .signature = "(STRING text, INT times) -> STRING",
     .doc = "The text repeated n times.",
     .example = "REPEAT('ab', 3) = 'ababab'",
     .kernel = row_kernel<repeat>},
    {.name = "split_part",
     .signature = "(STRING text, STRING delimiter, INT number) -> STRING",
     .doc = "The part with this number between the delimiters, counted from 1; a negative number "
            "counts from the end.",
     .example = "SPLIT_PART('a,b,c', ',', -1) = 'c'",
     .kernel = row_kernel<split_part>},
    {.name = "ltrim",
     .signature = "(STRING text) -> STRING",
     .doc = "The text without blanks, or without the given characters, at its beginning.",
     .example = "LTRIM('  ab ') = 'ab '",
     .kernel = row_kernel<trim_blanks<End::Left>>},
    {.name = "ltrim",
     .signature = "(STRING text, STRING characters) -> STRING",
     .doc = "The text without any of these characters at its beginning.",
     .example = "LTRIM('zzytest', 'xyz') = 'test'",
     .kernel = row_kernel<trim_characters<End::Left>>},
    {.name = "rtrim",
     .signature = "(STRING text) -> STRING",
     .doc = "The text without blanks, or without the given characters, at its end.",
     .example = "RTRIM(' ab  ') = ' ab'",
     .kernel = row_kernel<trim_blanks<End::Right>>},
    {.name = "rtrim",
     .signature = "(STRING text, STRING characters) -> STRING",
     .doc = "The text without any of these characters at its end.",
     .example = "RTRIM('testxxzx', 'xyz') = 'test'",
     .kernel = row_kernel<trim_characters<End::Right>>},
    {.name = "btrim",
     .signature = "(STRING text) -> STRING",
     .doc = "The text without blanks, or without the given characters, at both ends.",
     .example = "BTRIM('  ab ') = 'ab'",
     .kernel = row_kernel<trim_blanks<End::Both>>},
    {.name = "btrim",
     .signature = "(STRING text, STRING characters) -> STRING",
     .doc = "The text without any of these characters at both ends.",
     .example = "BTRIM('xyxtrimyyx', 'xyz') = 'trim'",
     .kernel = row_kernel<trim_characters<End::Both>>},
    {.name = "ascii",
     .signature = "(STRING text) -> INT",
     .doc = "The code point of the first character; 0 for an empty text.",
     .example = "ASCII('x') = 120",
     .kernel = row_kernel<ascii>},
    {.name = "get_byte",
     .signature = "(BYTES bytes, INT index) -> INT",
     .doc = "The byte at an index, counted from 0.",
     .example = "GET_BYTE(TO_BYTES('AB', 'ascii'), 1) = 66",
     .kernel = row_kernel<get_byte>},
    {.name = "get_byte",
     .signature = "(STRING text, INT index) -> INT",
     .doc = "The byte of a text in UTF-8 at an index, counted from 0.",
     .example = "GET_BYTE('AB', 1) = 66",
     .kernel = row_kernel<get_byte>},
    {.name = "set_byte",
     .signature = "(BYTES bytes, INT index, INT value) -> BYTES",
     .doc = "The bytes, with the byte at an index replaced; indexes are counted from 0.",
     .example = "SET_BYTE(TO_BYTES('AB', 'ascii'), 1, 67) = TO_BYTES('AC', 'ascii')",
     .kernel = row_kernel<set_byte>},
    {.name = "set_byte",
     .signature = "(STRING text, INT index, INT value) -> BYTES",
     .doc = "The bytes of a text in UTF-8 with another one at an index, counted from 0.",
     .example = "SET_BYTE('AB', 1, 67) = TO_BYTES('AC', 'ascii')",
     .kernel = row_kernel<set_byte>},
    {.name = "mod",
     .signature = "(INT dividend, INT divisor) -> INT",
     .doc = "The remainder of a division, with the sign of the dividend.",
     .example = "MOD(-7, 3) = -1",
     .kernel = row_kernel<mod<int32_t>>},
    {.name = "mod",
     .signature = "(BIGINT dividend, BIGINT divisor) -> BIGINT",
     .doc = "The remainder of a division, with the sign of the dividend.",
     .example = "MOD(10000000000, 3) = 1",
     .kernel = row_kernel<mod<int64_t>>},
    {.name = "now",
     .signature = "() -> TIMESTAMP",
     .doc = "The time at which the function is computed.",
     .example = "NOW() > FROM_UNIXTIME(1)",
     .kernel = row_kernel<now>,
     .is_deterministic = false},
    {.name = "clock_timestamp",
     .signature = "() -> TIMESTAMP",
     .doc = "The time at which the function is computed, under its name in PostgreSQL.",
     .example = "CLOCK_TIMESTAMP() > FROM_UNIXTIME(1)",
     .kernel = row_kernel<now>,
     .is_deterministic = false},
    {.name = "statement_timestamp",
     .signature = "() -> TIMESTAMP",
     .doc = "The time at which the function is computed, under its name in PostgreSQL.",
     .example = "STATEMENT_TIMESTAMP() > FROM_UNIXTIME(1)",
     .kernel = row_kernel<now>,
     .is_deterministic = false},
    {.name = "transaction_timestamp",
     .signature = "() -> TIMESTAMP",
     .doc = "The time at which the function is computed, under its name in PostgreSQL.",
     .example = "TRANSACTION_TIMESTAMP() > FROM_UNIXTIME(1)",
     .kernel = row_kernel<now>,
     .is_deterministic = false},
    {.name = "current_date",
     .signature = "() -> DATE",
     .doc = "The day on which the function is computed, in UTC; over tables in the session's time "
            "zone, and without parentheses.",
     .example = "CURRENT_DATE() > FROM_DAYS(19000)",
     .kernel = row_kernel<current_date>,
     .is_deterministic = false},
    {.name = "current_time",
     .signature = "() -> TIME",
     .doc = "The time of day at which the function is computed, in UTC; over tables in the "
            "session's time zone.",
     .example = "CURRENT_TIME() <= CAST('23:59:59.999' AS TIME)",
     .kernel = row_kernel<current_time>,
     .is_deterministic = false},
    {.name = "date_trunc",
     .signature = "(STRING unit, TIMESTAMP timestamp) -> TIMESTAMP",
     .doc = "The beginning of the millisecond, second, minute, hour, day, week, month, quarter or "
            "year, in UTC.",
     .example = "DATE_TRUNC('day', FROM_UNIXTIME(86400005)) = FROM_UNIXTIME(86400000)",
     .kernel = row_kernel<date_trunc>},
    {.name = "date_trunc",
     .signature = "(STRING unit, DATE date) -> TIMESTAMP",
     .doc = "The beginning of the day, week, month, quarter or year of a date, in UTC.",
     .example = "DATE_TRUNC('month', FROM_DAYS(40)) = FROM_UNIXTIME(2678400000)",
     .kernel = row_kernel<date_trunc_of_date>},
    {.name = "pg_catalog.date_trunc_in_zone",
     .signature = "(STRING unit, TIMESTAMP timestamp) -> TIMESTAMP",
     .doc = "DATE_TRUNC of a timestamptz, in the zone of the session.",
     .example = "DATE_TRUNC('hour', FROM_UNIXTIME(5)) = FROM_UNIXTIME(0)",
     .kernel = row_kernel<date_trunc_in_zone>},
    {.name = "pg_catalog.date_trunc_in_zone",
     .signature = "(STRING unit, DATE date) -> TIMESTAMP",
     .doc = "DATE_TRUNC of a date, which begins at midnight in the zone of the session.",
     .example = "DATE_TRUNC('month', FROM_DAYS(40)) = FROM_UNIXTIME(2678400000)",
     .kernel = row_kernel<date_trunc_of_date_in_zone>},
    {.name = "date_part",
     .signature = "(STRING unit, TIMESTAMP timestamp) -> DOUBLE",
     .doc = "A part of a point in time, in UTC: year, quarter, month, week, day, dow, doy, hour, "
            "minute, second, epoch ...",
     .example = "DATE_PART('hour', FROM_UNIXTIME(7200000)) = 2",
     .kernel = row_kernel<date_part>},
    {.name = "date_part",
     .signature = "(STRING unit, DATE date) -> DOUBLE",
     .doc = "A part of a date: year, quarter, month, week, day, dow, doy, epoch ...",
     .example = "DATE_PART('day', FROM_DAYS(40)) = 10",
     .kernel = row_kernel<date_part_of_date>},
    {.name = "date_part",
     .signature = "(STRING unit, TIME time) -> DOUBLE",
     .doc = "A part of a time of day: hour, minute, second, epoch ...",
     .example = "DATE_PART('hour', CAST('12:30' AS TIME)) = 12",
     .kernel = row_kernel<date_part_of_time>},
};

}  // namespace

const FunctionFamily kPostgresFunctions{"POSTGRESQL", kPostgresDefs};

}  // namespace engine
