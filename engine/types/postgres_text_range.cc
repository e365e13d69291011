// Parses and compares ranges and multiranges.
#include <algorithm>
#include <vector>

#include "engine/types/ascii.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

struct RangeName {
  std::string_view range, multirange;
};
constexpr RangeName kNames[] = {
    {"int4range", "int4multirange"}, {"int8range", "int8multirange"},
    {"numrange", "nummultirange"},   {"daterange", "datemultirange"},
    {"tsrange", "tsmultirange"},     {"tstzrange", "tstzmultirange"},
};

bool is_blank_in_range(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
void skip_blanks(std::string_view text, size_t& at) {
  while (at < text.size() && is_blank_in_range(text[at])) ++at;
}

// Reads a bound up to one of the characters in `ends`, without its quotes; returns nothing for an
// absent bound.
std::optional<std::string> read_bound(std::string_view text, size_t& at, std::string_view ends,
                                      bool& is_whole) {
  std::string bound;
  bool is_quoted = false, in_quotes = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (!in_quotes && ends.find(c) != std::string_view::npos) break;
    if (c == '\\' && at + 1 < text.size()) {
      bound += text[++at];
    } else if (c == '"') {
      if (in_quotes && at + 1 < text.size() && text[at + 1] == '"')
        bound += text[++at];
      else
        in_quotes = !in_quotes;
      is_quoted = true;
    } else {
      bound += c;
    }
  }
  is_whole = at < text.size() && !in_quotes;
  if (bound.empty() && !is_quoted) return std::nullopt;
  return bound;
}

Result<std::string> normal_element(RangeOf of, std::string_view text) {
  while (!text.empty() && is_blank_in_range(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank_in_range(text.back())) text.remove_suffix(1);
  switch (of) {
    case RangeOf::Int4: {
      const auto number = parse_bigint(text);
      if (!number) return invalid_text("integer", text);
      if (*number != static_cast<int32_t>(*number))
        return Error{ErrorCode::OutOfRange,
                     "value \"" + std::string(text) + "\" is out of range for type integer"};
      return std::to_string(*number);
    }
    case RangeOf::Int8: {
      const auto number = parse_bigint(text);
      if (!number) return invalid_text("bigint", text);
      return std::to_string(*number);
    }
    case RangeOf::Numeric:
      return normal_numeric(text);
    case RangeOf::Date:
      return days_text(TRY(parse_days(text)));
    case RangeOf::Timestamp:
      return instant_text(TRY(parse_instant_us(text, Zones::Dropped, "timestamp")), false);
    case RangeOf::Timestamptz:
      return instant_text(TRY(parse_instant_us(text, Zones::Kept, "timestamp with time zone")),
                          true);
  }
  return std::string(text);
}

// Compares two elements in their normal forms. Returns a negative number, 0, or a positive number.
int compare_elements(RangeOf of, const std::string& a, const std::string& b) {
  const auto compare = [](auto x, auto y) { return x < y ? -1 : x > y ? 1 : 0; };
  switch (of) {
    case RangeOf::Int4:
    case RangeOf::Int8:
      return compare(parse_bigint(a).value_or(0), parse_bigint(b).value_or(0));
    case RangeOf::Numeric:
      return compare_numeric(a, b);
    case RangeOf::Date:
      return compare(parse_days(a).value_or(0), parse_days(b).value_or(0));
    default:
      return compare(parse_instant_us(a, Zones::Kept, "").value_or(0),
                     parse_instant_us(b, Zones::Kept, "").value_or(0));
  }
}

// Returns the next number or day; the text itself for an infinity.
Result<std::string> successor(RangeOf of, const std::string& text) {
  const Error out_of_range{ErrorCode::OutOfRange, of == RangeOf::Int8   ? "bigint out of range"
                                                  : of == RangeOf::Int4 ? "integer out of range"
                                                                        : "date out of range"};
  if (of == RangeOf::Date) {
    const int32_t days = TRY(parse_days(text));
    if (days == kInfinityDays || days == kMinusInfinityDays) return text;
    return days_text(days + 1);
  }
  int64_t next = 0;
  const int64_t last = of == RangeOf::Int4 ? INT32_MAX : INT64_MAX;
  if (__builtin_add_overflow(parse_bigint(text).value_or(0), int64_t{1}, &next) || next > last)
    return out_of_range;
  return std::to_string(next);
}

bool is_infinity(const std::string& text) { return text == "infinity" || text == "-infinity"; }

std::string quoted_bound(const std::string& bound) {
  const bool is_plain =
      !bound.empty() && bound.find_first_of(" \t\n\r\v\f()[],\"\\") == std::string::npos;
  if (is_plain) return bound;
  std::string quoted = "\"";
  for (const char c : bound) quoted.append(c == '"' || c == '\\' ? 2 : 1, c);
  return quoted + "\"";
}

// Returns whether two ranges overlap or touch. `b` must not begin before `a`.
bool are_joined(RangeOf of, const Range& a, const Range& b) {
  if (!a.has_upper || !b.has_lower) return true;
  const int order = compare_elements(of, a.upper, b.lower);
  return order > 0 || (order == 0 && (a.upper_in || b.lower_in));
}
bool begins_before(RangeOf of, const Range& a, const Range& b) {
  if (!a.has_lower || !b.has_lower) return !a.has_lower && b.has_lower;
  const int order = compare_elements(of, a.lower, b.lower);
  return order < 0 || (order == 0 && a.lower_in && !b.lower_in);
}
bool ends_before(RangeOf of, const Range& a, const Range& b) {
  if (!a.has_upper || !b.has_upper) return a.has_upper && !b.has_upper;
  const int order = compare_elements(of, a.upper, b.upper);
  return order < 0 || (order == 0 && !a.upper_in && b.upper_in);
}

}  // namespace

Result<Range> parse_range(std::string_view text, size_t* size, std::string_view type) {
  const auto refuse = [&] {
    Error error{ErrorCode::InvalidText,
                "malformed range literal: \"" + std::string(text.substr(0, 200)) + "\""};
    error.detail = "A " + std::string(type) + " is written like [1,5) or empty.";
    return error;
  };
  Range range;
  size_t at = 0;
  skip_blanks(text, at);
  if (lower_case(text.substr(at, 5)) == "empty") {
    range.is_empty = true;
    at += 5;
  } else {
    if (at == text.size() || (text[at] != '[' && text[at] != '(')) return refuse();
    range.lower_in = text[at++] == '[';
    bool is_whole = false;
    auto lower = read_bound(text, at, ",", is_whole);
    if (!is_whole) return refuse();
    ++at;
    auto upper = read_bound(text, at, ")]", is_whole);
    if (!is_whole) return refuse();
    range.upper_in = text[at++] == ']';
    range.has_lower = lower.has_value();
    range.has_upper = upper.has_value();
    range.lower = std::move(lower).value_or("");
    range.upper = std::move(upper).value_or("");
  }
  if (size != nullptr) {
    *size = at;
    return range;
  }
  skip_blanks(text, at);
  if (at != text.size()) return refuse();
  return range;
}

Result<Range> normal_range(Range range, RangeOf of) {
  Range empty;
  empty.is_empty = true;
  if (range.is_empty) return empty;
  if (range.has_lower) range.lower = TRY(normal_element(of, range.lower));
  if (range.has_upper) range.upper = TRY(normal_element(of, range.upper));
  range.lower_in = range.lower_in && range.has_lower;
  range.upper_in = range.upper_in && range.has_upper;
  const auto order = [&] { return compare_elements(of, range.lower, range.upper); };
  const bool is_bounded = range.has_lower && range.has_upper;
  if (is_bounded && order() > 0)
    return Error{ErrorCode::InvalidParameter,
                 "range lower bound must be less than or equal to range upper bound"};
  if (of == RangeOf::Int4 || of == RangeOf::Int8 || of == RangeOf::Date) {
    if (range.has_lower && !range.lower_in && !is_infinity(range.lower)) {
      range.lower = TRY(successor(of, range.lower));
      range.lower_in = true;
    }
    if (range.has_upper && range.upper_in && !is_infinity(range.upper)) {
      range.upper = TRY(successor(of, range.upper));
      range.upper_in = false;
    }
  }
  if (is_bounded) {
    const int last = order();
    if (last > 0 || (last == 0 && !(range.lower_in && range.upper_in))) return empty;
  }
  return range;
}

std::string range_text(const Range& range) {
  if (range.is_empty) return "empty";
  std::string text = range.lower_in ? "[" : "(";
  if (range.has_lower) text += quoted_bound(range.lower);
  text += ',';
  if (range.has_upper) text += quoted_bound(range.upper);
  return text + (range.upper_in ? "]" : ")");
}

template <RangeOf of>
Result<std::string> normal_range_text(std::string_view text) {
  const std::string_view type = kNames[static_cast<size_t>(of)].range;
  const Range written = TRY(parse_range(text, nullptr, type));
  return range_text(TRY(normal_range(written, of)));
}

// Returns a multirange ({[1,3),[5,7)}) with its ranges in order, without empty ranges, and with touching ranges merged.
template <RangeOf of>
Result<std::string> normal_multirange_text(std::string_view text) {
  constexpr size_t kMostBytes = 64 * 1024;  // bounds how long parsing blocks an event loop
  if (text.size() > kMostBytes)
    return Error{ErrorCode::LimitExceeded, "a multirange has at most 64 kB as text"};
  const RangeName& names = kNames[static_cast<size_t>(of)];
  const Error malformed{ErrorCode::InvalidText, "malformed multirange literal: \"" +
                                                    std::string(text.substr(0, 200)) + "\""};
  size_t at = 0;
  skip_blanks(text, at);
  if (at == text.size() || text[at++] != '{') return malformed;
  std::vector<Range> ranges;
  skip_blanks(text, at);
  while (at < text.size() && text[at] != '}') {
    size_t size = 0;
    const Range written = TRY(parse_range(text.substr(at), &size, names.range));
    const Range range = TRY(normal_range(written, of));
    if (!range.is_empty) ranges.push_back(range);
    at += size;
    skip_blanks(text, at);
    if (at < text.size() && text[at] == ',') {
      ++at;
      skip_blanks(text, at);
      if (at < text.size() && text[at] == '}') return malformed;
    } else if (at < text.size() && text[at] != '}') {
      return malformed;
    }
  }
  if (at == text.size()) return malformed;
  ++at;
  skip_blanks(text, at);
  if (at != text.size()) return malformed;
  std::ranges::sort(ranges, [](const Range& a, const Range& b) { return begins_before(of, a, b); });
  std::vector<Range> joined;
  for (Range& range : ranges) {
    if (joined.empty() || !are_joined(of, joined.back(), range)) {
      joined.push_back(std::move(range));
    } else if (ends_before(of, joined.back(), range)) {
      joined.back().has_upper = range.has_upper;
      joined.back().upper_in = range.upper_in;
      joined.back().upper = std::move(range.upper);
    }
  }
  std::string normal = "{";
  for (const Range& range : joined) normal += (normal.size() > 1 ? "," : "") + range_text(range);
  return normal + "}";
}

template Result<std::string> normal_range_text<RangeOf::Int4>(std::string_view);
template Result<std::string> normal_range_text<RangeOf::Int8>(std::string_view);
template Result<std::string> normal_range_text<RangeOf::Numeric>(std::string_view);
template Result<std::string> normal_range_text<RangeOf::Date>(std::string_view);
template Result<std::string> normal_range_text<RangeOf::Timestamp>(std::string_view);
template Result<std::string> normal_range_text<RangeOf::Timestamptz>(std::string_view);
template Result<std::string> normal_multirange_text<RangeOf::Int4>(std::string_view);
template Result<std::string> normal_multirange_text<RangeOf::Int8>(std::string_view);
template Result<std::string> normal_multirange_text<RangeOf::Numeric>(std::string_view);
template Result<std::string> normal_multirange_text<RangeOf::Date>(std::string_view);
template Result<std::string> normal_multirange_text<RangeOf::Timestamp>(std::string_view);
template Result<std::string> normal_multirange_text<RangeOf::Timestamptz>(std::string_view);

// Removes trailing zeros from the numbers of a range or multirange, whose punctuation separates the numbers.
std::string comparable_numrange(std::string_view text) {
  std::string shortest;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find_first_of("{}[](),", at), text.size());
    shortest += shortest_numeric(text.substr(at, end - at));
    if (end < text.size()) shortest += text[end];
    at = end + 1;
  }
  return shortest;
}

}  // namespace engine
