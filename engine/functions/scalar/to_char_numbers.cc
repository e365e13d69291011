// Implements TO_CHAR for numbers, and TO_NUMBER, as in PostgreSQL 15 (table 9.29 of
// https://www.postgresql.org/docs/15/functions-formatting.html). Not supported are V, RN and EEEE, and L and B of
// TO_CHAR.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/functions/scalar/to_char.h"
#include "engine/types/ascii.h"
#include "engine/types/numeric_alone.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

using Text = std::string_view;

enum class Part : uint8_t {
  Digit,
  Zero,
  Point,
  Comma,
  Sign,
  Minus,
  Plus,
  Either,
  Ordinal,
  Currency,
  Literal
};
struct Item {
  Part part;
  std::string text = {};  // for a Literal: the text; for an Ordinal: "th" or "TH"
};

struct Template {
  std::vector<Item> items;
  int whole = 0, fraction = 0;          // number of digits before and after the point
  int first_zero = -1, last_zero = -1;  // indexes among all digits of the template
  bool fills = true;                    // false with FM, which omits blanks
  bool has_point = false;
  bool has_sign = false, sign_is_behind = false;  // set by S
  bool has_minus = false, has_plus = false;       // set by MI and PL; SG sets both
  bool has_brackets = false;                      // set by PR
};

// The function that a template is for. TO_NUMBER skips the characters of L, and ignores B.
enum class Use : uint8_t { Shows, Reads };

Error not_there(Text what, Use use = Use::Shows) {
  return {ErrorCode::NotSupported, fmt::format("{} in a template of {}() is not supported yet",
                                               what, use == Use::Shows ? "to_char" : "to_number")};
}
Error wrong(std::string message) { return {ErrorCode::SyntaxError, std::move(message)}; }

// Parses a template.
class TemplateReader {
 public:
  TemplateReader(Text text, Use use) : rest_(text), use_(use) {}

  Result<Template> read() {
    while (!rest_.empty()) TRY(one());
    made_.sign_is_behind = sign_place_ < 0 || sign_place_ == made_.whole;
    return std::move(made_);
  }

 private:
  bool take(Text word) {
    const bool is_there = rest_.size() >= word.size() &&
                          std::ranges::equal(rest_.substr(0, word.size()), word,
                                             [](char a, char b) { return ascii_upper(a) == b; });
    if (is_there) rest_.remove_prefix(word.size());
    return is_there;
  }

  Status one() {
    for (const Text word : {"EEEE", "RN", "V"})
      if (take(word)) return not_there(word, use_);
    if (take("L")) return use_ == Use::Reads ? put(Part::Currency) : not_there("L");
    if (take("B")) return use_ == Use::Reads ? Status() : not_there("B");
    if (take("FM")) {
      made_.fills = false;
      return {};
    }
    if (take("9")) return digit(Part::Digit);
    if (take("0")) return digit(Part::Zero);
    if (take(".") || take("D")) return point();
    if (take(",") || take("G")) return put(Part::Comma);
    if (take("MI")) return sign(Part::Minus, made_.has_minus);
    if (take("PL")) return sign(Part::Plus, made_.has_plus);
    if (take("PR")) return brackets();
    if (take("SG")) {
      if (made_.has_sign) return no_sign_beside_s();
      made_.has_minus = made_.has_plus = true;
      return put(Part::Either);
    }
    if (take("S")) return leading_sign();
    if (rest_.starts_with("TH") || rest_.starts_with("th")) {
      made_.items.push_back({Part::Ordinal, std::string(rest_.substr(0, 2))});
      rest_.remove_prefix(2);
      return {};
    }
    return literal();
  }

  Status put(Part part) {
    made_.items.push_back({part});
    return {};
  }
  Status digit(Part part) {
    if (made_.has_brackets) return wrong("\"9\" must be ahead of \"PR\"");
    const int place = made_.whole + made_.fraction;
    ++(made_.has_point ? made_.fraction : made_.whole);
    if (part == Part::Zero) {
      if (made_.first_zero < 0 && !made_.has_point) made_.first_zero = place;
      made_.last_zero = place + 1;
    }
    return put(part);
  }
  Status point() {
    if (made_.has_point) return wrong("multiple decimal points");
    made_.has_point = true;
    return put(Part::Point);
  }
  static Error no_sign_beside_s() {
    return wrong("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together");
  }
  Status sign(Part part, bool& flag) {
    if (made_.has_sign) return no_sign_beside_s();
    flag = true;
    return put(part);
  }
  Status brackets() {
    if (made_.has_sign || made_.has_plus || made_.has_minus)
      return wrong("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together");
    made_.has_brackets = true;
    return {};
  }
  Status leading_sign() {
    if (made_.has_sign) return wrong("cannot use \"S\" twice");
    if (made_.has_plus || made_.has_minus || made_.has_brackets) return no_sign_beside_s();
    made_.has_sign = true;
    sign_place_ = made_.has_point ? -1 : made_.whole;
    return {};
  }
  Status literal() {
    std::string text;
    if (rest_.front() == '"') {
      rest_.remove_prefix(1);
      while (!rest_.empty() && rest_.front() != '"') {
        if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
        text += rest_.front();
        rest_.remove_prefix(1);
      }
      if (!rest_.empty()) rest_.remove_prefix(1);
    } else {
      if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      text += rest_.front();
      rest_.remove_prefix(1);
    }
    made_.items.push_back({Part::Literal, std::move(text)});
    return {};
  }

  Text rest_;
  const Use use_;
  Template made_;
  int sign_place_ = 0;  // place of S: number of digits before it; negative after the point
};

// Returns the suffix of the number: st, nd, rd for 1, 2, 3, and th for other numbers and for 11 to 13.
Text ordinal(Text digits, bool is_upper) {
  const char last = digits.back();
  const bool is_teen = digits.size() > 1 && digits[digits.size() - 2] == '1';
  if (!is_teen && last == '1') return is_upper ? "ST" : "st";
  if (!is_teen && last == '2') return is_upper ? "ND" : "nd";
  if (!is_teen && last == '3') return is_upper ? "RD" : "rd";
  return is_upper ? "TH" : "th";
}

// Formats one number by a template. `digits` have no sign, and are rounded to the template's digits after the point.
class Shown {
 public:
  Shown(const Template& form, bool is_negative, std::string digits)
      : form_(form), is_negative_(is_negative), digits_(std::move(digits)) {
    const size_t point = std::min(digits_.find('.'), digits_.size());
    const int whole = static_cast<int>(point);
    if (whole > form_.whole) {
      digits_ = std::string(static_cast<size_t>(form_.whole), '#') + '.' +
                std::string(static_cast<size_t>(form_.fraction), '#');
      has_overflow_ = true;
    }
    blanks_ = form_.whole - static_cast<int>(std::min(digits_.find('.'), digits_.size()));
    if (!form_.fills && !has_overflow_) last_ = last_relevant();
    is_sign_done_ = form_.has_minus;
  }

  std::string text() {
    for (const Item& item : form_.items) {
      // A point without following digits ends the output.
      if (item.part == Part::Point && form_.fraction == 0 && !has_overflow_) return std::move(out_);
      add(item);
    }
    return std::move(out_);
  }

 private:
  // For a template with FM, returns the index in `digits_` of the last digit to show, or of the point if no digit after
  // it is shown.
  size_t last_relevant() const {
    const size_t point = digits_.find('.');
    if (point == Text::npos) return Text::npos;
    size_t last = point;
    for (size_t i = point + 1; i < digits_.size(); ++i)
      if (digits_[i] != '0') last = i;
    if (form_.last_zero > form_.whole) {
      const size_t zero = point + static_cast<size_t>(form_.last_zero - form_.whole);
      last = std::max(last, std::min(zero, digits_.size() - 1));
    }
    return last;
  }
  // Returns whether the current digit is a single 0 before the point. A template without 0 shows this digit as a blank,
  // or omits it.
  bool is_blank_zero() const {
    return form_.first_zero < 0 && at_ == 0 && digits_.starts_with("0.") && form_.fraction > 0;
  }

  void add(const Item& item) {
    switch (item.part) {
      case Part::Digit:
      case Part::Zero:
        return digit(item.part);
      case Part::Point:
        return point();
      case Part::Comma:
        if (has_digits_)
          out_ += ',';
        else if (form_.fills)
          out_ += ' ';
        return;
      case Part::Minus:
        if (is_negative_)
          out_ += '-';
        else if (form_.fills)
          out_ += ' ';
        return;
      case Part::Plus:
        if (!is_negative_)
          out_ += '+';
        else if (form_.fills)
          out_ += ' ';
        return;
      case Part::Either:
        out_ += is_negative_ ? '-' : '+';
        return;
      case Part::Ordinal:
        if (!is_negative_ && !has_overflow_ && form_.fraction == 0)
          out_ += ordinal(digits_, item.text == "TH");
        return;
      default:
        out_ += item.text;
    }
  }

  void write_sign() {
    if (is_sign_done_) return;
    is_sign_done_ = true;
    if (form_.has_sign) {
      if (!form_.sign_is_behind) out_ += is_negative_ ? '-' : '+';
    } else if (form_.has_brackets) {
      if (is_negative_)
        out_ += '<';
      else if (form_.fills)
        out_ += ' ';
    } else if (is_negative_) {
      out_ += '-';
    } else if (form_.fills) {
      out_ += ' ';
    }
  }

  void digit(Part part) {
    const bool is_zero_here = form_.first_zero >= 0 && form_.first_zero <= place_;
    if (place_ >= blanks_ || is_zero_here)
      if (!is_blank_zero() || (last_ != Text::npos && digits_[last_] == '.')) write_sign();
    if (place_ < blanks_) {
      if (is_zero_here) {
        out_ += '0';
        has_digits_ = true;
      } else if (form_.fills) {
        out_ += ' ';
      }
    } else if (last_ != Text::npos && at_ > last_ && part != Part::Zero) {
      ++at_;
    } else if (is_blank_zero()) {
      if (form_.fills)
        out_ += ' ';
      else if (last_ != Text::npos && digits_[last_] == '.')
        out_ += '0';
      ++at_;
    } else if (at_ < digits_.size()) {
      out_ += digits_[at_++];
      has_digits_ = true;
    }
    ++place_;
    end_part();
  }

  void point() {
    write_sign();
    out_ += '.';
    if (at_ < digits_.size() && digits_[at_] == '.') ++at_;
    end_part();
  }

  // Counts a digit or the point, and writes a trailing sign after the last of them.
  void end_part() {
    if (++parts_ != form_.whole + form_.fraction + (form_.has_point ? 1 : 0)) return;
    if (form_.has_brackets && is_sign_done_) {
      if (is_negative_)
        out_ += '>';
      else if (form_.fills)
        out_ += ' ';
    }
    if (form_.has_sign && form_.sign_is_behind) out_ += is_negative_ ? '-' : '+';
  }

  const Template& form_;
  const bool is_negative_;
  std::string digits_, out_;
  int blanks_ = 0;  // template's positions before the first digit of the number
  int place_ = 0;   // index of the present digit among the template's digits
  int parts_ = 0;   // number of template digits and points that have been handled
  size_t at_ = 0;   // position in digits_
  size_t last_ = Text::npos;
  bool has_overflow_ = false, has_digits_ = false, is_sign_done_ = false;
};

template <Use use>
class LastTemplate {
 public:
  Result<const Template*> of(Text text) {
    if (!is_read_ || text != text_) {
      if (text.size() > kMaxTemplate) return template_too_long();
      form_ = TRY(TemplateReader(text, use).read());
      text_ = text;
      is_read_ = true;
    }
    return &form_;
  }

 private:
  std::string text_;
  Template form_;
  bool is_read_ = false;
};

using ShowingTemplates = PerBatch<LastTemplate<Use::Shows>>;
using ReadingTemplates = PerBatch<LastTemplate<Use::Reads>>;

// Reads one number by a template, as NUM_processor() of PostgreSQL's formatting.c does: each part
// of the template takes one character of the text, even if the character does not match the part.
class NumberReader {
 public:
  NumberReader(const Template& form, Text text) : form_(form), rest_(text) {}

  Result<Decimal> read() {
    for (const Item& item : form_.items) {
      if (rest_.empty()) break;
      take(item);
    }
    if (!digits_.empty() && digits_.back() == '.') digits_.pop_back();
    if (digits_.empty())
      return Error{ErrorCode::InvalidText,
                   fmt::format("invalid input syntax for type numeric: \"{}\"", sign_)};
    // The result has the whole digits of the template. The place of the point in the template can
    // also take a digit.
    const size_t zeros = std::min(digits_.find_first_not_of('0'), static_cast<size_t>(whole_));
    if (whole_ - static_cast<int>(zeros) > form_.whole)
      return Error{ErrorCode::OutOfRange, "numeric field overflow"};
    return Decimal{TRY(numeric_alone((sign_ == '-' ? "-" : "") + digits_)), kScaleOfNumeric};
  }

 private:
  void take(const Item& item) {
    switch (item.part) {
      case Part::Digit:
      case Part::Zero:
      case Part::Point:
        return digit(item.part);
      case Part::Comma:
        // PostgreSQL skips no comma in a template with FM.
        if (form_.fills && rest_.front() == ',') rest_.remove_prefix(1);
        return;
      case Part::Minus:
        return sign("-");
      case Part::Plus:
        return sign("+");
      case Part::Either:
        return sign("-+");
      case Part::Currency:
        return skip_other_text(1);
      case Part::Ordinal:
        if (!form_.has_point) skip_other_text(2);
        return;
      case Part::Literal:
        return skip(code_points(item.text));
      case Part::Sign:  // the sign is read together with the digits
        return;
    }
  }

  static bool is_one_of(char c, Text all) { return all.find(c) != Text::npos; }
  static size_t code_points(Text text) {
    return static_cast<size_t>(
        std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
  }
  void skip(size_t count) {
    while (count-- > 0 && !rest_.empty()) {
      rest_.remove_prefix(1);
      while (!rest_.empty() && (rest_.front() & 0xC0) == 0x80) rest_.remove_prefix(1);
    }
  }
  void skip_other_text(size_t count) {
    while (count-- > 0 && !rest_.empty() && !is_one_of(rest_.front(), "0123456789.,+-")) skip(1);
  }

  void sign(Text signs) {
    if (!is_one_of(rest_.front(), signs)) return skip_other_text(1);
    sign_ = rest_.front();
    rest_.remove_prefix(1);
  }

  bool take_sign(Text signs) {
    if (rest_.empty() || !is_one_of(rest_.front(), signs)) return false;
    sign_ = rest_.front() == '<' ? '-' : rest_.front();
    rest_.remove_prefix(1);
    return true;
  }

  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  // Takes a digit or the point, together with a sign before or after it. A character that is none of these is
  // skipped.
  void digit(Part part) {
    if (rest_.front() == ' ') rest_.remove_prefix(1);
    if (sign_ == ' ' && part != Part::Point && whole_ + fraction_ == 0)
      take_sign(form_.has_brackets ? "-+<" : "-+");
    if (rest_.empty()) return;
    bool is_read = false;
    if (is_digit(rest_.front())) {
      if (has_point_ && fraction_ == form_.fraction) return skip(1);
      digits_ += rest_.front();
      ++(has_point_ ? fraction_ : whole_);
      is_read = true;
    } else if (form_.has_point && !has_point_ && rest_.front() == '.') {
      digits_ += '.';
      has_point_ = is_read = true;
    }
    if (sign_ == ' ' && whole_ + fraction_ > 0) {
      const bool is_last = is_read && rest_.size() > 1 && !is_digit(rest_[1]);
      if (form_.has_sign && is_last && is_one_of(rest_[1], "-+")) {
        sign_ = rest_[1];
        rest_.remove_prefix(1);
      } else if (!form_.has_sign && !is_read && !form_.has_plus && !form_.has_minus &&
                 is_one_of(rest_.front(), "-+")) {
        sign_ = rest_.front();
      }
    }
    skip(1);
  }

  const Template& form_;
  Text rest_;
  std::string digits_;
  char sign_ = ' ';
  int whole_ = 0, fraction_ = 0;  // number of digits that were read
  bool has_point_ = false;
};

Result<Decimal> to_number(ReadingTemplates& forms, Text text, Text form) {
  return NumberReader(*TRY(forms->of(form)), text).read();
}
Result<SqlType> numeric_type(std::span<const SqlType>) {
  return SqlType::decimal(kMaxDecimalPrecision, kScaleOfNumeric);
}

// Rounds to `fraction` digits after the point, half away from zero.
std::string rounded(std::string digits, int fraction) {
  const size_t point = std::min(digits.find('.'), digits.size());
  const auto wanted = static_cast<size_t>(fraction);
  const size_t there = digits.size() - point > 0 ? digits.size() - point - 1 : 0;
  if (there <= wanted) {
    if (wanted > 0 && point == digits.size()) digits += '.';
    return digits.append(wanted - there, '0');
  }
  const bool goes_up = digits[point + 1 + wanted] >= '5';
  digits.resize(wanted > 0 ? point + 1 + wanted : point);
  if (!goes_up) return digits;
  for (size_t i = digits.size(); i-- > 0;) {
    if (digits[i] == '.') continue;
    if (digits[i] != '9') {
      ++digits[i];
      return digits;
    }
    digits[i] = '0';
  }
  return "1" + digits;
}

// Determines whether a negative number that is rounded to 0 keeps its minus sign. Doubles keep it.
enum class Zero : uint8_t { HasNoSign, KeepsSign };
std::string shown(const Template& form, std::string number, Zero zero = Zero::HasNoSign) {
  bool is_negative = number.starts_with('-');
  if (is_negative) number.erase(0, 1);
  std::string digits = rounded(std::move(number), form.fraction);
  if (zero == Zero::HasNoSign)
    is_negative = is_negative && digits.find_first_of("123456789") != std::string::npos;
  return Shown(form, is_negative, std::move(digits)).text();
}

Result<std::string> decimal_to_char(ShowingTemplates& forms, Decimal number, Text text) {
  const Template& form = *TRY(forms->of(text));
  return shown(form, decimal_text(number.unscaled, number.scale));
}
template <class T>
Result<std::string> whole_to_char(ShowingTemplates& forms, T number, Text text) {
  const Template& form = *TRY(forms->of(text));
  return shown(form, std::to_string(number));
}
// Formats a double. At most the digits that a double represents exactly are shown.
Result<std::string> double_to_char(ShowingTemplates& forms, double number, Text text) {
  const Template& form = *TRY(forms->of(text));
  if (!std::isfinite(number)) return not_there(std::isnan(number) ? "NaN" : "an infinity");
  constexpr size_t kDigits = 15;
  const size_t whole = fmt::format("{:.0f}", std::abs(number)).size();
  const size_t fraction =
      whole >= kDigits ? 0 : std::min(kDigits - whole, static_cast<size_t>(form.fraction));
  return shown(form, fmt::format("{:.{}f}", number, fraction), Zero::KeepsSign);
}

constexpr std::string_view kDoc =
    "A number as text, by PostgreSQL's patterns: 9, 0, ., D, a comma, G, S, MI, PL, SG, PR, TH, "
    "FM; \"quoted text\" is copied.";

constexpr FunctionDef kToCharOfNumbersDefs[] = {
    {.name = "to_number",
     .signature = "(STRING text, STRING template) -> DECIMAL",
     .doc = "Reads a number from a text, by the patterns of TO_CHAR. Each pattern takes one "
            "character: MI, PL and SG take a sign; L and quoted text take a character that is "
            "skipped.",
     .example = "TO_NUMBER('-12,454.8', 'S99G999D9') = -12454.8",
     .kernel = row_kernel<to_number>,
     .returns = numeric_type},
    {.name = "to_char",
     .signature = "(INT number, STRING template) -> STRING",
     .doc = kDoc,
     .example = "TO_CHAR(1485, 'FM9,999') = '1,485'",
     .kernel = row_kernel<whole_to_char<int32_t>>},
    {.name = "to_char",
     .signature = "(BIGINT number, STRING template) -> STRING",
     .doc = kDoc,
     .example = "TO_CHAR(CAST(-7 AS BIGINT), '000PR') = '<007>'",
     .kernel = row_kernel<whole_to_char<int64_t>>},
    {.name = "to_char",
     .signature = "(DECIMAL number, STRING template) -> STRING",
     .doc = kDoc,
     .example = "TO_CHAR(1234.5, 'FM999,990.00') = '1,234.50'",
     .kernel = row_kernel<decimal_to_char>},
    {.name = "to_char",
     .signature = "(DOUBLE number, STRING template) -> STRING",
     .doc = kDoc,
     .example = "TO_CHAR(CAST(0.5 AS DOUBLE), '0.99S') = '0.50+'",
     .kernel = row_kernel<double_to_char>},
};

}  // namespace

const FunctionFamily kToCharOfNumbers{"POSTGRESQL", kToCharOfNumbersDefs};

}  // namespace engine
