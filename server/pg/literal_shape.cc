#include "server/pg/literal_shape.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "engine/types/ascii.h"

namespace server::pg {

namespace {

constexpr size_t kMostBytes = 2048, kMostLiterals = 8, kMostDigits = 18;
constexpr std::string_view kBlanks = " \t\r\n", kOperators = "<>!=~+-*/%^&|#@?:";

bool is_blank(char c) { return kBlanks.find(c) != std::string_view::npos; }
bool begins_word(char c) {
  return engine::is_ascii_letter(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_of_word(char c) { return begins_word(c) || engine::is_ascii_digit(c); }

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::optional<LiteralShape> read() {
    if (text_.size() > kMostBytes || !begins_with_select()) return std::nullopt;
    while (at_ < text_.size())
      if (!step()) return std::nullopt;
    if (out_.values.empty() || out_.values.size() > kMostLiterals) return std::nullopt;
    return std::move(out_);
  }

 private:
  bool begins_with_select() const {
    const size_t begin = std::min(text_.find_first_not_of(kBlanks), text_.size());
    constexpr std::string_view kSelect = "SELECT";
    const std::string_view rest = text_.substr(begin);
    return rest.size() > kSelect.size() && is_blank(rest[kSelect.size()]) &&
           engine::equals_ignoring_case(rest.substr(0, kSelect.size()), kSelect);
  }

  // Reads the next token. Returns false if only a parser can continue.
  bool step() {
    const char c = text_[at_];
    const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (is_blank(c)) {
      out_.text += c;
      ++at_;
      return true;
    }
    if (begins_word(c)) return take_word();
    if (engine::is_ascii_digit(c)) return take_number();
    if (c == '\'') return take_string();
    if (c == '"' || c == '`') return take_name(c);
    if (c == '$' || c == '\\' || c == '\0') return false;
    if ((c == '-' && next == '-') || (c == '/' && next == '*')) return false;
    if (c == ';' && text_.find_first_not_of(kBlanks, at_ + 1) != std::string_view::npos)
      return false;
    keep(1);
    return true;
  }

  // Copies the next `size` characters unchanged.
  void keep(size_t size) {
    out_.text += text_.substr(at_, size);
    at_ += size;
    token_end_ = out_.text.size();
  }

  bool take_word() {
    size_t end = at_;
    while (end < text_.size() && is_of_word(text_[end])) ++end;
    const char behind = end < text_.size() ? text_[end] : '\0';
    // The word is a prefix of a literal or a part of a longer name (E'', U&'', a$b), so only a
    // parser can continue.
    if (behind == '\'' || behind == '&' || behind == '$') return false;
    is_behind_where_ |= engine::equals_ignoring_case(text_.substr(at_, end - at_), "WHERE");
    keep(end - at_);
    return true;
  }

  bool take_name(char quote) {
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) return false;
    keep(end + 1 - at_);
    return true;
  }

  bool take_number() {
    size_t end = at_;
    while (end < text_.size() && engine::is_ascii_digit(text_[end])) ++end;
    size_t whole = end;  // end of the literal including characters that change its type: 1.5, 1e5
    while (whole < text_.size() && (is_of_word(text_[whole]) || text_[whole] == '.')) ++whole;
    if (whole != end || end - at_ > kMostDigits || !is_compared(end)) {
      keep(whole - at_);
      return true;
    }
    int64_t number = 0;
    std::from_chars(text_.data() + at_, text_.data() + end, number);
    const bool is_small = number <= std::numeric_limits<int32_t>::max();
    put(is_small ? engine::TypeKind::Integer : engine::TypeKind::Bigint,
        is_small ? engine::Value::integer(static_cast<int32_t>(number))
                 : engine::Value::bigint(number),
        end);
    return true;
  }

  bool take_string() {
    const size_t quote = text_.find('\'', at_ + 1);
    if (quote == std::string_view::npos) return false;
    const size_t end = quote + 1;
    const std::string_view inside = text_.substr(at_ + 1, quote - at_ - 1);
    if (inside.find('\\') != std::string_view::npos) return false;
    if (end < text_.size() && text_[end] == '\'') return false;  // a doubled quote
    if (is_compared(end))
      put(engine::TypeKind::String, engine::Value::text(std::string(inside)), end);
    else
      keep(end - at_);
    return true;
  }

  // Returns whether the literal that ends at `end` follows an equals sign and is followed by AND or
  // by the end of the condition.
  bool is_compared(size_t end) const {
    const std::string_view before = std::string_view(out_.text).substr(0, token_end_);
    if (!is_behind_where_ || !before.ends_with('=')) return false;
    if (before.size() > 1 && kOperators.find(before[before.size() - 2]) != std::string_view::npos)
      return false;
    const size_t next = text_.find_first_not_of(kBlanks, end);
    if (next == std::string_view::npos || text_[next] == ';') return true;
    const std::string_view rest = text_.substr(next);
    constexpr std::string_view kAnd = "AND";
    return next > end && rest.size() > kAnd.size() && is_blank(rest[kAnd.size()]) &&
           engine::equals_ignoring_case(rest.substr(0, kAnd.size()), kAnd);
  }

  void put(engine::TypeKind type, engine::Value value, size_t end) {
    out_.types.emplace_back(type);
    out_.values.push_back(std::move(value));
    // The blank separates the parameter from a preceding word.
    out_.text += " $" + std::to_string(out_.values.size());
    token_end_ = out_.text.size();
    at_ = end;
  }

  const std::string_view text_;
  size_t at_ = 0;
  LiteralShape out_;
  size_t token_end_ = 0;  // end of the last token in the output
  bool is_behind_where_ = false;
};

}  // namespace

std::optional<LiteralShape> shape_of(std::string_view text) { return Reader(text).read(); }

}  // namespace server::pg
