// Parses and compares numeric, which is kept as text, with all digits.
#include <algorithm>

#include "engine/types/ascii.h"
#include "engine/types/blanks.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

// PostgreSQL's limits are 131,072 digits before the point and 16,383 after it. This smaller limit prevents a short text
// with an exponent from becoming a value of that size.
constexpr int64_t kMaxExponent = 16'383;

std::string_view take_digits(std::string_view& text) {
  size_t size = 0;
  while (size < text.size() && is_ascii_digit(text[size])) ++size;
  const std::string_view digits = text.substr(0, size);
  text.remove_prefix(size);
  return digits;
}

}  // namespace

Result<std::string> normal_numeric(std::string_view written) {
  std::string_view text = without_blanks(written);
  const std::string word = upper_case(text);
  if (word == "NAN") return std::string("NaN");
  if (word == "INFINITY" || word == "+INFINITY" || word == "INF" || word == "+INF")
    return std::string("Infinity");
  if (word == "-INFINITY" || word == "-INF") return std::string("-Infinity");

  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  std::string whole(take_digits(text)), fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (whole.empty() && fraction.empty()) return invalid_text("numeric", written);
  int64_t exponent = 0;
  if (!text.empty() && ascii_lower(text.front()) == 'e') {
    const auto power = parse_bigint(text.substr(1));
    if (!power) return invalid_text("numeric", written);
    if (*power > kMaxExponent || *power < -kMaxExponent)
      return Error{ErrorCode::OutOfRange, "value overflows numeric format"};
    exponent = *power;
    text = {};
  }
  if (!text.empty()) return invalid_text("numeric", written);
  if (exponent > 0) {
    const size_t moved = std::min(fraction.size(), static_cast<size_t>(exponent));
    whole += fraction.substr(0, moved);
    fraction.erase(0, moved);
    whole.append(static_cast<size_t>(exponent) - moved, '0');
  } else if (exponent < 0) {
    const auto wanted = static_cast<size_t>(-exponent);
    if (whole.size() < wanted) whole.insert(0, wanted - whole.size(), '0');
    fraction.insert(0, whole.substr(whole.size() - wanted));
    whole.resize(whole.size() - wanted);
  }
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  if (whole.empty()) whole = "0";
  const bool is_zero = whole == "0" && fraction.find_first_not_of('0') == std::string::npos;
  std::string normal = is_negative && !is_zero ? "-" : "";
  normal += whole;
  if (!fraction.empty()) normal += "." + fraction;
  return normal;
}

std::string shortest_numeric(std::string_view numeric) {
  if (numeric.find('.') == std::string_view::npos) return std::string(numeric);
  numeric = numeric.substr(0, numeric.find_last_not_of('0') + 1);
  if (numeric.ends_with('.')) numeric.remove_suffix(1);
  return std::string(numeric);
}

//   -Infinity  a
//   -12.5      n | 999997 | 87 | 4 | ~     each digit, also of the count of whole digits, is 9 minus the digit
//   0          o
//   12.5       p | 000002 | 12 | 5
//   Infinity   y
//   NaN        z
std::string comparable_numeric(std::string_view numeric) {
  if (numeric == "NaN") return "z";
  if (numeric == "Infinity") return "y";
  if (numeric == "-Infinity") return "a";
  const bool is_negative = numeric.starts_with('-');
  if (is_negative) numeric.remove_prefix(1);
  const std::string shortest = shortest_numeric(numeric);
  if (shortest == "0") return "o";
  const size_t point = std::min(shortest.find('.'), shortest.size());
  std::string whole = shortest.substr(0, point);
  if (whole == "0") whole.clear();
  std::string digits = std::to_string(whole.size());
  constexpr size_t kDigitsOfSize = 6;
  digits.insert(0, kDigitsOfSize - std::min(digits.size(), kDigitsOfSize), '0');
  digits += whole;
  if (point < shortest.size()) digits += shortest.substr(point + 1);
  if (!is_negative) return "p" + digits;
  for (char& digit : digits) digit = static_cast<char>('0' + '9' - digit);
  return "n" + digits + "~";
}

int compare_numeric(std::string_view a, std::string_view b) {
  // In PostgreSQL, NaN is above all other numbers.
  const auto rank = [](std::string_view text) {
    return text == "NaN" ? 2 : text == "Infinity" ? 1 : text == "-Infinity" ? -1 : 0;
  };
  if (rank(a) != 0 || rank(b) != 0) return rank(a) - rank(b);
  const bool a_negative = a.starts_with('-'), b_negative = b.starts_with('-');
  if (a_negative != b_negative) return a_negative ? -1 : 1;
  if (a_negative) return compare_numeric(b.substr(1), a.substr(1));
  const std::string x = shortest_numeric(a), y = shortest_numeric(b);
  const size_t x_point = std::min(x.find('.'), x.size()), y_point = std::min(y.find('.'), y.size());
  if (x_point != y_point) return x_point < y_point ? -1 : 1;
  return x.compare(y);
}

std::optional<bool> parse_boolean_of_postgres(std::string_view text) {
  const std::string word = lower_case(text);
  const auto begins = [&](std::string_view whole, size_t shortest) {
    return word.size() >= shortest && whole.starts_with(word);
  };
  if (begins("true", 1) || begins("yes", 1) || word == "on" || word == "1") return true;
  if (begins("false", 1) || begins("no", 1) || begins("off", 2) || word == "0") return false;
  return std::nullopt;
}

}  // namespace engine
