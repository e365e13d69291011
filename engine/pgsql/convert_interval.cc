// Converts INTERVAL '1 day 2 hours' as an operand of + and -: most statements only add an interval to a time, for which
// no value of the type INTERVAL has to be made.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "engine/pgsql/convert.h"
#include "engine/pgsql/interval_units.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/text_number.h"

namespace engine::pgsql {

namespace {

struct UnitRow {
  std::string_view name;  // name of the unit without the s of the plural
  double ms;              // 0 for months and years, whose lengths differ
};
constexpr UnitRow kUnits[] = {
    {"microsecond", 0.001},
    {"us", 0.001},
    {"usec", 0.001},
    {"millisecond", 1},
    {"ms", 1},
    {"msec", 1},
    {"second", 1'000},
    {"sec", 1'000},
    {"", 1'000},
    {"minute", 6e4},
    {"min", 6e4},
    {"m", 6e4},
    {"hour", 3.6e6},
    {"hr", 3.6e6},
    {"h", 3.6e6},
    {"day", 8.64e7},
    {"d", 8.64e7},
    {"week", 7 * 8.64e7},
    {"w", 7 * 8.64e7},
    {"month", 0},
    {"mon", 0},
    {"year", 0},
    {"yr", 0},
    {"y", 0},
};
// The units of INTERVAL '5' MINUTE or INTERVAL '1-2' YEAR TO MONTH, as bits of PostgreSQL's tree. The longest unit is
// the first.
enum UnitBit : int64_t {
  kYear = 1 << 2,
  kMonth = 1 << 1,
  kDay = 1 << 3,
  kHour = 1 << 10,
  kMinute = 1 << 11,
  kSecond = 1 << 12,
  kAllUnits = 0x7fff,  // INTERVAL(3): no units, only digits after the point
};
constexpr std::pair<UnitBit, std::string_view> kUnitWords[] = {
    {kYear, "years"}, {kMonth, "months"},   {kDay, "days"},
    {kHour, "hours"}, {kMinute, "minutes"}, {kSecond, "seconds"}};

// Returns the shortest of the units, which is the unit of a number without a unit.
UnitBit last_unit(int64_t units) {
  UnitBit last = kSecond;
  for (const auto& [bit, word] : kUnitWords)
    if (units & bit) last = bit;
  return last;
}

std::string_view word_of(UnitBit unit) {
  return std::ranges::find(kUnitWords, unit, &std::pair<UnitBit, std::string_view>::first)->second;
}

bool is_plain_number(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) {
    return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+';
  }) && word.find('-', 1) == std::string_view::npos;  // the form 1-2 means a year and two months
}

// Adds the units to numbers without a unit, as PostgreSQL's DecodeInterval() does: the last number has the last unit,
// and a number before it counts days. 5:10 of MINUTE TO SECOND becomes 00:5:10.
std::string with_units(std::string_view text, int64_t units) {
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  const UnitBit last = last_unit(units);
  if (!words.empty()) {
    std::string& word = words.back();
    const bool has_colon = word.find(':') != std::string::npos;
    if (has_colon && units == (kMinute | kSecond) && std::ranges::count(word, ':') == 1)
      word.insert(word.starts_with('-') || word.starts_with('+') ? 1 : 0, "00:");
    if (is_plain_number(word)) {
      if (words.size() > 1 && last != kYear && last != kMonth && last != kDay &&
          is_plain_number(words[words.size() - 2]))
        words[words.size() - 2] += " days";
      words.back() += " " + std::string(word_of(last));
    }
  }
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
  return all;
}

// Removes the parts that are shorter than the last unit, as PostgreSQL's AdjustIntervalForTypmod() does. Parts longer
// than the first unit are kept.
void cut_to_units(Interval& interval, int64_t units) {
  constexpr int64_t kUsPerMinute = 60'000'000, kUsPerHour = 60 * kUsPerMinute;
  const UnitBit last = last_unit(units);
  if (last == kYear) interval.months = interval.months / 12 * 12;
  if (last == kYear || last == kMonth) interval.days = 0;
  if (last == kYear || last == kMonth || last == kDay) interval.us = 0;
  if (last == kHour) interval.us = interval.us / kUsPerHour * kUsPerHour;
  if (last == kMinute) interval.us = interval.us / kUsPerMinute * kUsPerMinute;
}

std::string_view take_while(std::string_view& text, auto&& belongs) {
  size_t size = 0;
  while (size < text.size() && belongs(text[size])) ++size;
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(size);
  return taken;
}

bool is_of_number(char c) {
  return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == ':';
}

// Parses "12", "-1.5", "02:30" or "01:02:03.5". For a text with colons, the result is in ms;
// otherwise its unit is the word that follows the number.
std::optional<double> number(std::string_view text, bool& is_clock) {
  is_clock = text.find(':') != std::string_view::npos;
  if (!is_clock) {
    return parse_double(text);
  }
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  double ms = 0, unit = 3.6e6;
  for (int part = 0; part < 3 && !text.empty(); ++part, unit /= 60) {
    const size_t colon = std::min(text.find(':'), text.size());
    const auto value = parse_double(text.substr(0, colon));
    if (!value || *value < 0) return std::nullopt;
    ms += *value * unit;
    text.remove_prefix(std::min(colon + 1, text.size()));
  }
  if (!text.empty()) return std::nullopt;
  return is_negative ? -ms : ms;
}

constexpr double kDayMs = 8.64e7;

// A span of time. Its days are calendar days, of which some are not 24 hours long, because clocks change.
struct Span {
  double days = 0, ms = 0;
  void add(double count, double unit_ms) {
    if (unit_ms < kDayMs) {
      ms += count * unit_ms;
      return;
    }
    const double all = count * (unit_ms / kDayMs);
    days += std::trunc(all);
    ms += (all - std::trunc(all)) * kDayMs;
  }
};

// Parses an interval. A number without a unit counts seconds.
Result<Span> parse_interval(std::string_view whole, TextPosition at) {
  constexpr double kPlainMs = 1'000;
  const auto refuse = [&] {
    return Error{
        ErrorCode::InvalidText,
        "invalid input syntax for type interval: \"" + std::string(whole.substr(0, 60)) + "\"",
        {},
        "Intervals have the form '90 seconds', '1 day 12 hours' or '02:30:00'."}
        .at(at);
  };
  std::string_view text = whole;
  const auto is_blank = [](char c) { return c == ' '; };
  Span span;
  bool has_any = false;
  while (true) {
    take_while(text, is_blank);
    if (text.empty()) break;
    const std::string_view digits = take_while(text, is_of_number);
    take_while(text, is_blank);
    std::string unit(take_while(text, [&](char c) { return !is_blank(c) && !is_of_number(c); }));
    std::ranges::transform(unit, unit.begin(), ascii_lower);
    if (digits.empty() && unit == "ago" && has_any) {
      span = {-span.days, -span.ms};
      continue;
    }
    bool is_clock = false;
    const auto value = number(digits, is_clock);
    if (!value) return refuse();
    has_any = true;
    if (is_clock && !unit.empty()) return refuse();
    if (is_clock || unit.empty()) {
      is_clock ? span.add(*value, 1) : span.add(*value, kPlainMs);
      continue;
    }
    auto row = std::ranges::find(kUnits, std::string_view(unit), &UnitRow::name);
    if (row == std::end(kUnits) && unit.ends_with('s')) {
      unit.pop_back();
      row = std::ranges::find(kUnits, std::string_view(unit), &UnitRow::name);
    }
    if (row == std::end(kUnits)) return refuse();
    if (row->ms == 0)
      return not_supported("an interval of months or years, which differ in length, is", at);
    span.add(*value, row->ms);
  }
  if (!has_any) return refuse();
  return span;
}

}  // namespace

bool Converter::is_interval(const Node& node) {
  if (node.kind != "TypeCast") return false;
  const auto type = node.fields.part("typeName");
  return type && type_name(*type) == "interval";
}

Result<std::optional<std::string>> interval_of_units(std::string_view text, const Fields& type,
                                                     TextPosition at) {
  std::vector<int64_t> modifiers;
  for (const Node& modifier : pgsql::children(type, "typmods")) {
    const auto value = modifier.fields.part("ival");
    modifiers.push_back(value ? value->number("ival") : 0);
  }
  if (modifiers.empty() || modifiers.front() == kAllUnits) return std::optional<std::string>();
  Result<Interval> read = engine::parse_interval(with_units(text, modifiers.front()));
  if (!read) return Error(read.error()).at(at);
  cut_to_units(*read, modifiers.front());
  if (modifiers.size() > 1) {  // the second modifier is the p of SECOND(p)
    constexpr int64_t kDigits = 6;
    int64_t step = 1;
    for (int64_t digits = std::clamp<int64_t>(modifiers[1], 0, kDigits); digits < kDigits; ++digits)
      step *= 10;
    const int64_t half = read->us < 0 ? -(step / 2) : step / 2;
    read->us = (read->us + half) / step * step;
  }
  return std::optional(interval_text(*read));
}

Result<ExpressionPtr> Converter::moved_by_interval(ExpressionPtr time, const Fields& interval,
                                                   bool is_later, TextPosition at) const {
  const auto literal = child(interval, "arg");
  const auto text = literal ? literal->fields.part("sval") : std::nullopt;
  if (!text) return not_supported("an INTERVAL that is not a literal is", at);
  const std::string written(text->text("sval"));
  const auto of_units = TRY(interval_of_units(written, *interval.part("typeName"), at));
  const Span span = TRY(parse_interval(of_units.value_or(written), at));
  const double ms = std::round(span.ms);
  // The functions take an INTEGER, so whole seconds are counted in seconds, which allows longer intervals than
  // milliseconds.
  const bool is_seconds = std::fmod(ms, 1e3) == 0;
  const double count = is_seconds ? ms / 1e3 : ms;
  if (std::abs(count) > INT32_MAX || std::abs(span.days) > INT32_MAX)
    return not_supported("an interval as long as this is", at);
  const auto moved = [&](TimeUnit unit, std::string_view name, double by, ExpressionPtr from) {
    FunctionCall call{is_later ? "TIMESTAMPADD" : "TIMESTAMPSUB", {}};
    call.is_operator = true;
    call.arguments.push_back(make_expression(IntervalUnit{unit, std::string(name)}, at));
    call.arguments.push_back(make_expression(IntegerLiteral{static_cast<int32_t>(by)}, at));
    call.arguments.push_back(std::move(from));
    return make_expression(std::move(call), at);
  };
  if (span.days != 0) time = moved(TimeUnit::Days, "DAYS", span.days, std::move(time));
  if (count == 0 && span.days != 0) return time;
  return is_seconds ? moved(TimeUnit::Seconds, "SECONDS", count, std::move(time))
                    : moved(TimeUnit::Milliseconds, "MILLISECONDS", count, std::move(time));
}

}  // namespace engine::pgsql
