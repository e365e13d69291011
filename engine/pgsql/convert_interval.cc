// INTERVAL '1 day 2 hours' beside + and -. It is no type here: a point in time that lies so much later or earlier is what most ask for.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "engine/pgsql/convert.h"
#include "engine/types/ascii.h"
#include "engine/types/text_number.h"

namespace engine::pgsql {

namespace {

struct UnitRow {
  std::string_view name;  // without the s of the plural
  double ms;              // 0: months and years, whose lengths differ
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
// What the fields of INTERVAL '5' MINUTE are in PostgreSQL's tree.
constexpr std::pair<int64_t, double> kFields[] = {
    {1 << 12, 1e3}, {1 << 11, 6e4}, {1 << 10, 3.6e6}, {1 << 3, 8.64e7}};

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

// "12", "-1.5", "02:30", "01:02:03.5": in the unit that follows, or in ms for what has colons.
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

// Days are those of the calendar: where clocks change some are not 24 hours long.
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

// `plain`: what a number without a unit counts, in ms.
Result<Span> parse_interval(std::string_view whole, double plain, TextPosition at) {
  const auto refuse = [&] {
    return Error{
        ErrorCode::InvalidText,
        "invalid input syntax for type interval: \"" + std::string(whole.substr(0, 60)) + "\"",
        {},
        "Intervals are written like '90 seconds', '1 day 12 hours' or '02:30:00'."}
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
      is_clock ? span.add(*value, 1) : span.add(*value, plain);
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

Result<ExpressionPtr> Converter::moved_by_interval(ExpressionPtr time, const Fields& interval,
                                                   bool is_later, TextPosition at) const {
  const auto literal = child(interval, "arg");
  const auto text = literal ? literal->fields.part("sval") : std::nullopt;
  if (!text) return not_supported("an INTERVAL that is no literal is", at);
  double plain = 1'000;
  const auto type = interval.part("typeName");
  for (const Node& modifier : pgsql::children(*type, "typmods")) {
    const auto value = modifier.fields.part("ival");
    const auto field = std::ranges::find(kFields, value ? value->number("ival") : 0,
                                         &std::pair<int64_t, double>::first);
    if (field == std::end(kFields)) return not_supported("this kind of INTERVAL is", at);
    plain = field->second;
    break;
  }
  const Span span = TRY(parse_interval(text->text("sval"), plain, at));
  const double ms = std::round(span.ms);
  // The functions take an INTEGER.
  const bool is_seconds = std::fmod(ms, 1e3) == 0;
  const double count = is_seconds ? ms / 1e3 : ms;
  if (std::abs(count) > INT32_MAX || std::abs(span.days) > INT32_MAX)
    return not_supported("an interval as long as this is", at);
  const auto moved = [&](TimeUnit unit, std::string_view name, double by, ExpressionPtr from) {
    FunctionCall call{is_later ? "TIMESTAMPADD" : "TIMESTAMPSUB", {}};
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
