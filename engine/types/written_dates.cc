#include "engine/types/written_dates.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "engine/types/ascii.h"
#include "engine/types/text_time.h"
#include "engine/types/zone_abbreviations.h"

namespace engine {

namespace {

bool is_blank_in_date(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_between(char c) { return c == '-' || c == '/' || c == '.'; }

// Removes and returns the characters at the front of `rest` that satisfy `is`.
template <class Is>
std::string_view take_while(std::string_view& rest, const Is& is) {
  const auto end = std::ranges::find_if_not(rest, is);
  const auto size = static_cast<size_t>(end - rest.begin());
  const std::string_view taken = rest.substr(0, size);
  rest.remove_prefix(size);
  return taken;
}

// Returns whether the text is in ISO form: a year of at least four digits, then '-', and no words
// except those that every parser of ISO texts accepts, such as UTC and BC.
bool is_iso(std::string_view text) {
  take_while(text, is_blank_in_date);
  const size_t digits = take_while(text, is_ascii_digit).size();
  if (digits < 4 || text.size() < 2 || text[0] != '-' || !is_ascii_digit(text[1])) return false;
  const size_t word =
      static_cast<size_t>(std::ranges::find_if(text, is_ascii_letter) - text.begin());
  if (word == text.size()) return true;
  std::string rest = upper_case(text.substr(word));
  if (rest.starts_with('T') && rest.size() > 1 && is_ascii_digit(rest[1])) rest.erase(0, 1);
  const auto letter = std::ranges::find_if(rest, is_ascii_letter);
  rest.erase(rest.begin(), letter);
  while (!rest.empty() && is_blank_in_date(rest.back())) rest.pop_back();
  constexpr std::string_view kKnown[] = {"", "Z", "UTC", "GMT", "BC", "AD"};
  return std::ranges::find(kKnown, rest) != std::end(kKnown);
}

struct WordRow {
  std::string_view name;
  int number;
};
constexpr WordRow kMonths[] = {
    {"jan", 1},  {"january", 1},  {"feb", 2},    {"february", 2},  {"mar", 3},  {"march", 3},
    {"apr", 4},  {"april", 4},    {"may", 5},    {"jun", 6},       {"june", 6}, {"jul", 7},
    {"july", 7}, {"aug", 8},      {"august", 8}, {"sep", 9},       {"sept", 9}, {"september", 9},
    {"oct", 10}, {"october", 10}, {"nov", 11},   {"november", 11}, {"dec", 12}, {"december", 12}};
constexpr std::string_view kPassedOver[] = {
    "mon",   "monday",   "tue", "tues",   "tuesday", "wed",      "weds", "wednesday", "thu", "thur",
    "thurs", "thursday", "fri", "friday", "sat",     "saturday", "sun",  "sunday",    "at",  "on"};

int month_of(std::string_view word) {
  const auto* row = std::ranges::find(kMonths, word, &WordRow::name);
  return row == std::end(kMonths) ? 0 : row->number;
}

// Parses a text with its fields in any order, as far as their meaning is unambiguous.
class WrittenDate {
 public:
  explicit WrittenDate(DateOrder order) : order_(order) {}

  // Returns false if the text is not a date.
  bool read(std::string_view rest) {
    for (;;) {
      take_while(rest, [](char c) { return is_blank_in_date(c) || c == ','; });
      if (rest.empty()) return has_date() && (meridiem_ == Meridiem::None || !clock_.empty());
      const size_t zone_size = zone_.size();
      const bool is_read = is_ascii_digit(rest.front())    ? read_number(rest)
                           : is_ascii_letter(rest.front()) ? read_word(rest)
                                                           : read_zone(rest);
      if (!is_read) return false;
      if (zone_.size() == zone_size) is_begun_ = true;
    }
  }

  enum class Wrong : uint8_t { Nothing, Field, Order, Zone };
  // Checks that the day, the time and the zone exist. Returns the kind of the mistake; Order if another order of the
  // date's parts might help.
  Wrong check() {
    if (is_short_year_ && !is_bc_) *year_ += *year_ < 70 ? 2000 : 1900;
    if (*month_ < 1 || *month_ > 12 || *day_ < 1 || *day_ > 31) return Wrong::Order;
    if (*year_ < 1 || *day_ > days_in_month(is_bc_ ? 1 - *year_ : *year_, *month_))
      return Wrong::Field;
    if (meridiem_ != Meridiem::None && hour_ > 12) return Wrong::Field;
    if (!clock_.empty() && !is_time_of_day()) return Wrong::Field;
    return is_too_far_ ? Wrong::Zone : Wrong::Nothing;
  }

  std::string iso() const {
    std::string text = fmt::format("{:04}-{:02}-{:02}", *year_, *month_, *day_);
    if (!clock_.empty()) {
      int hour = hour_;
      if (meridiem_ == Meridiem::Am && hour == 12) hour = 0;
      if (meridiem_ == Meridiem::Pm && hour < 12) hour += 12;
      text += fmt::format(" {:02}{}", hour, clock_);
      text += zone_;
    }
    return is_bc_ ? text + " BC" : text;
  }

 private:
  enum class Meridiem : uint8_t { None, Am, Pm };
  bool has_date() const { return year_ && month_ && day_; }

  // Returns whether the time exists; the latest times are 24:00:00 and 23:59:60. `clock_` has two digits after each
  // colon.
  bool is_time_of_day() const {
    constexpr size_t kSeconds = 3;
    const auto digits_at = [&](size_t place) {
      return clock_.size() > place ? number_of(clock_.substr(place + 1, 2)).value_or(0) : 0;
    };
    const int minute = digits_at(0), second = digits_at(kSeconds);
    const bool is_whole = clock_.find_first_not_of(":0.") == std::string::npos;
    return minute < 60 && second <= 60 && (hour_ < 24 || (hour_ == 24 && is_whole));
  }

  static std::optional<int> number_of(std::string_view digits) {
    int number = 0;
    constexpr size_t kMostDigits = 7;
    if (digits.empty() || digits.size() > kMostDigits) return std::nullopt;
    const char* const end = digits.data() + digits.size();
    if (std::from_chars(digits.data(), end, number).ptr != end) return std::nullopt;
    return number;
  }

  // Reads a part that begins with a digit: a time (10:00:00.5), a date (1/8/1999, 08-Jan-1999), or digits together
  // (19990108, 100000).
  bool read_number(std::string_view& rest) {
    const std::string_view whole = rest;
    const std::string_view digits = take_while(rest, is_ascii_digit);
    if (rest.starts_with(':')) {
      rest = whole;
      return read_clock(
          take_while(rest, [](char c) { return is_ascii_digit(c) || c == ':' || c == '.'; }));
    }
    if (!rest.empty() && is_between(rest.front()) && !has_date()) {
      const char between = rest.front();
      const bool has_name = rest.size() > 1 && is_ascii_letter(rest[1]);
      rest = whole;
      const auto is_part = [&](char c) {
        return is_ascii_digit(c) || c == between || (has_name && is_ascii_letter(c));
      };
      return read_parts(take_while(rest, is_part), between);
    }
    constexpr size_t kFewestTogether = 6;  // fewer digits are one part of a date
    if (digits.size() >= kFewestTogether && (!has_date() || clock_.empty()))
      return has_date() ? read_digits_of_clock(digits) : read_digits_of_date(digits);
    if (has_date()) return clock_.empty() && read_digits_of_clock(digits);
    return add_part(digits);
  }

  // Reads a date with separators. As in PostgreSQL, only a zone may precede such a date.
  bool read_parts(std::string_view parts, char between) {
    if (is_begun_) return false;
    size_t count = 0;
    // The name of a month is recognised first, at any place.
    for (std::string_view rest = parts; !rest.empty();) {
      const std::string_view word = take_while(rest, [&](char c) { return c != between; });
      if (!rest.empty()) rest.remove_prefix(1);
      if (++count > 3 || word.empty()) return false;
      if (is_ascii_letter(word.front()) && !add_month(word)) return false;
    }
    if (count != 3 || is_between(parts.back())) return false;
    while (!parts.empty()) {
      const std::string_view word = take_while(parts, [&](char c) { return c != between; });
      if (!parts.empty()) parts.remove_prefix(1);
      if (is_ascii_digit(word.front()) && !add_part(word)) return false;
    }
    return has_date();
  }

  bool add_month(std::string_view word) {
    const int month = month_of(lower_case(word));
    if (month == 0 || has_month_name_) return false;
    has_month_name_ = true;
    if (month_ && day_) return false;
    if (month_) day_ = month_;  // the number was taken for the month, but it is the day
    month_ = month;
    return true;
  }

  // Adds one number of a date. Its meaning depends on the numbers before it and on its digits.
  bool add_part(std::string_view digits) {
    const auto number = number_of(digits);
    if (!number) return false;
    constexpr size_t kYearDigits = 3;
    const bool is_year = digits.size() >= kYearDigits || order_ == DateOrder::Ymd;
    const auto be_year = [&] {
      is_short_year_ = digits.size() < kYearDigits;
      year_ = number;
      return true;
    };
    const auto be = [&](std::optional<int>& part) {
      part = number;
      return true;
    };
    if (!year_ && !month_ && !day_) {
      if (is_year) return be_year();
      return be(order_ == DateOrder::Dmy ? day_ : month_);
    }
    if (!month_) return be(month_);
    if (!year_ && !day_) return has_month_name_ && is_year ? be_year() : be(day_);
    if (!year_) return be_year();
    if (day_) return false;
    if (has_month_name_ && is_short_year_ && digits.size() >= kYearDigits) {
      day_ = year_;  // the first number was taken for the year, but it is the day
      return be_year();
    }
    return be(day_);
  }

  bool read_digits_of_date(std::string_view digits) {
    if (month_ || day_ || year_) return false;
    const std::string_view year = digits.substr(0, digits.size() - 4);
    year_ = number_of(year);
    month_ = number_of(digits.substr(year.size(), 2));
    day_ = number_of(digits.substr(year.size() + 2));
    is_short_year_ = year.size() == 2;
    return year_.has_value();
  }

  bool read_digits_of_clock(std::string_view digits) {
    if (digits.size() != 4 && digits.size() != 6) return false;
    hour_ = *number_of(digits.substr(0, 2));
    clock_ = fmt::format(":{}", digits.substr(2, 2));
    if (digits.size() == 6) clock_ += fmt::format(":{}", digits.substr(4));
    return true;
  }

  bool read_clock(std::string_view text) {
    if (!clock_.empty()) return false;
    const auto hour = number_of(take_while(text, is_ascii_digit));
    if (!hour) return false;
    hour_ = *hour;
    while (text.starts_with(':')) {
      text.remove_prefix(1);
      const auto part = number_of(take_while(text, is_ascii_digit));
      if (!part) return false;
      clock_ += fmt::format(":{:02}", *part);
    }
    clock_ += text;
    return true;
  }

  bool read_word(std::string_view& rest) {
    const std::string_view whole = rest;
    const std::string word = lower_case(take_while(rest, is_ascii_letter));
    if (month_of(word) != 0) {
      const bool has_parts = !rest.empty() && is_between(rest.front());
      if (!has_parts) return add_month(word);
      const char between = rest.front();
      rest = whole;
      const auto is_part = [&](char c) {
        return is_ascii_digit(c) || is_ascii_letter(c) || c == between;
      };
      return read_parts(take_while(rest, is_part), between);
    }
    if (word == "t") return has_date() && clock_.empty();
    if (word == "bc" || word == "ad") {
      is_bc_ = word == "bc";
      return true;
    }
    if (word == "am" || word == "pm") {
      // PM-05 is the name of a zone in POSIX's syntax.
      if (rest.starts_with('-') || rest.starts_with('+')) return false;
      meridiem_ = word == "am" ? Meridiem::Am : Meridiem::Pm;
      return true;
    }
    if (std::ranges::find(kPassedOver, word) != std::end(kPassedOver)) return true;
    const auto minutes = minutes_east_of(word);
    if (!minutes || !zone_.empty()) return false;
    const int size = std::abs(*minutes);
    zone_ = fmt::format("{}{:02}:{:02}", *minutes < 0 ? '-' : '+', size / 60, size % 60);
    return true;
  }

  // Reads an offset: +02, -8, +0530, +05:30:15.
  bool read_zone(std::string_view& rest) {
    if (!zone_.empty() || clock_.empty() || (rest.front() != '+' && rest.front() != '-'))
      return false;
    zone_ = rest.front();
    rest.remove_prefix(1);
    std::string_view digits = take_while(rest, is_ascii_digit);
    if (digits.empty() || digits.size() > 6) return false;
    const size_t hour =
        digits.size() > 2 ? digits.size() - 2 * ((digits.size() - 1) / 2) : digits.size();
    constexpr int kMostHours = 15;
    is_too_far_ = *number_of(digits.substr(0, hour)) > kMostHours;
    zone_ += fmt::format("{:02}", *number_of(digits.substr(0, hour)));
    for (digits.remove_prefix(hour); !digits.empty(); digits.remove_prefix(2))
      zone_ += fmt::format(":{}", digits.substr(0, 2));
    while (rest.starts_with(':')) {
      rest.remove_prefix(1);
      const auto part = number_of(take_while(rest, is_ascii_digit));
      if (!part) return false;
      zone_ += fmt::format(":{:02}", *part);
    }
    return true;
  }

  const DateOrder order_;
  std::optional<int> year_, month_, day_;
  bool is_short_year_ = false, has_month_name_ = false, is_bc_ = false;
  bool is_begun_ = false;    // something other than a zone has been read
  bool is_too_far_ = false;  // the zone is too far from Greenwich
  int hour_ = 0;
  std::string clock_, zone_;  // clock_: the part after the hour; zone_: +02:00
  Meridiem meridiem_ = Meridiem::None;
};

}  // namespace

std::string hint_about_order(std::string_view text) {
  constexpr std::pair<DateOrder, std::string_view> kOrders[] = {
      {DateOrder::Dmy, "DMY"}, {DateOrder::Mdy, "MDY"}, {DateOrder::Ymd, "YMD"}};
  for (const auto& [order, name] : kOrders)
    if (WrittenDate date(order); date.read(text) && date.check() == WrittenDate::Wrong::Nothing)
      return fmt::format("Write '{}', or use SET datestyle = 'ISO, {}'.", date.iso(), name);
  return {};
}

Result<std::optional<std::string>> iso_of_written(std::string_view text, DateOrder order) {
  constexpr size_t kMostBytes = 128;
  WrittenDate date(order);
  if (is_iso(text) || text.size() > kMostBytes || !date.read(text)) return std::nullopt;
  const WrittenDate::Wrong wrong = date.check();
  if (wrong == WrittenDate::Wrong::Nothing) return std::optional(date.iso());
  const std::string_view what =
      wrong == WrittenDate::Wrong::Zone ? "time zone displacement" : "date/time field value";
  Error error{ErrorCode::InvalidTimestamp, fmt::format("{} out of range: \"{}\"", what, text)};
  if (wrong == WrittenDate::Wrong::Order) error.hint = hint_about_order(text);
  return error;
}

}  // namespace engine
