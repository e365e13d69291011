// Validates json and jsonb, and converts texts to jsonb's normal form.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/types/ascii.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/text_bytes.h"

namespace engine {

namespace {

// Limit on nesting. The functions are recursive, and every stack has space for this depth.
constexpr int kMaxDepth = 500;

// Reads a value and writes it in jsonb's form; with `shortest`, numbers have no trailing zeros.
class JsonReader {
 public:
  JsonReader(std::string_view text, bool shortest) : text_(text), shortest_(shortest) {}

  bool document(std::string& out) {
    blanks();
    if (!value(out, 0)) return false;
    blanks();
    return at_ == text_.size();
  }

 private:
  void blanks() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool word(std::string_view expected, std::string& out) {
    if (!text_.substr(at_).starts_with(expected)) return false;
    at_ += expected.size();
    out += expected;
    return true;
  }

  bool value(std::string& out, int depth) {
    if (at_ == text_.size() || depth > kMaxDepth) return false;
    switch (text_[at_]) {
      case '{':
        return object(out, depth);
      case '[':
        return array(out, depth);
      case '"':
        return string(out);
      case 't':
        return word("true", out);
      case 'f':
        return word("false", out);
      case 'n':
        return word("null", out);
      default:
        return number(out);
    }
  }

  bool array(std::string& out, int depth) {
    ++at_;
    out += '[';
    blanks();
    for (bool is_first = true; !take(']'); is_first = false) {
      if (!is_first) {
        if (!take(',')) return false;
        out += ", ";
        blanks();
      }
      if (!value(out, depth + 1)) return false;
      blanks();
    }
    out += ']';
    return true;
  }

  bool object(std::string& out, int depth) {
    ++at_;
    std::vector<std::pair<std::string, std::string>> members;
    blanks();
    for (bool is_first = true; !take('}'); is_first = false) {
      if (!is_first) {
        if (!take(',')) return false;
        blanks();
      }
      auto& [name, member] = members.emplace_back();
      if (at_ == text_.size() || text_[at_] != '"' || !string(name)) return false;
      blanks();
      if (!take(':')) return false;
      blanks();
      if (!value(member, depth + 1)) return false;
      blanks();
    }
    // Sorts by the length of the unescaped names, then by their bytes. The last of several members with the same name
    // is kept.
    std::ranges::stable_sort(members, [](const auto& a, const auto& b) {
      const std::string first = unescaped(a.first), second = unescaped(b.first);
      return std::pair(first.size(), std::string_view(first)) <
             std::pair(second.size(), std::string_view(second));
    });
    out += '{';
    bool has_any = false;
    for (size_t i = 0; i < members.size(); ++i) {
      if (i + 1 < members.size() && members[i].first == members[i + 1].first) continue;
      if (has_any) out += ", ";
      has_any = true;
      out += members[i].first + ": " + members[i].second;
    }
    out += '}';
    return true;
  }

  // Unescapes a name that string() has written; only character() adds escapes.
  static std::string unescaped(std::string_view name) {
    std::string text;
    for (size_t at = 0; at < name.size(); ++at) {
      if (name[at] != '\\' || at + 1 == name.size()) {
        text += name[at];
        continue;
      }
      constexpr std::string_view kLetters = "\"\\bfnrt", kMeant = "\"\\\b\f\n\r\t";
      const size_t letter = kLetters.find(name[++at]);
      if (letter != std::string_view::npos) {
        text += kMeant[letter];
        continue;
      }
      // \u00 and two digits: a control character.
      constexpr size_t kDigits = 4;
      const std::string code(name.substr(at + 1, kDigits));
      text += static_cast<char>(std::strtol(code.c_str(), nullptr, 16));
      at += kDigits;
    }
    return text;
  }

  bool number(std::string& out) {
    const size_t begin = at_;
    const auto digits = [&] {
      const size_t first = at_;
      while (at_ < text_.size() && is_ascii_digit(text_[at_])) ++at_;
      return at_ - first;
    };
    take('-');
    const bool has_zero = at_ < text_.size() && text_[at_] == '0';
    const size_t whole = digits();
    if (whole == 0 || (has_zero && whole > 1)) return false;
    if (take('.') && digits() == 0) return false;
    if (take('e') || take('E')) {
      if (!take('-')) take('+');
      if (digits() == 0) return false;
    }
    const auto normal = normal_numeric(text_.substr(begin, at_ - begin));
    if (!normal) return false;
    out += shortest_ ? shortest_numeric(*normal) : *normal;
    return true;
  }

  bool hex(uint32_t& code) {
    code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_ == text_.size()) return false;
      const char c = ascii_lower(text_[at_]);
      if (!is_ascii_digit(c) && (c < 'a' || c > 'f')) return false;
      code = code * 16 + static_cast<uint32_t>(is_ascii_digit(c) ? c - '0' : c - 'a' + 10);
    }
    return true;
  }

  // Reads the four digits after \u. \u0000 is refused, as in PostgreSQL, and so is one half of a surrogate pair without
  // the other.
  bool unicode(std::string& out) {
    uint32_t code = 0, low = 0;
    if (!hex(code) || code == 0 || (code >= 0xDC00 && code < 0xE000)) return false;
    if (code >= 0xD800 && code < 0xDC00) {
      if (!take('\\') || !take('u') || !hex(low) || low < 0xDC00 || low >= 0xE000) return false;
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
      character(static_cast<char>(code), out);
    } else if (code < 0x800) {
      put(0xC0 | code >> 6), put(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      put(0xE0 | code >> 12), put(0x80 | ((code >> 6) & 0x3F)), put(0x80 | (code & 0x3F));
    } else {
      put(0xF0 | code >> 18), put(0x80 | ((code >> 12) & 0x3F));
      put(0x80 | ((code >> 6) & 0x3F)), put(0x80 | (code & 0x3F));
    }
    return true;
  }

  static void character(char c, std::string& out) {
    constexpr std::string_view kSpecial = "\"\\\b\f\n\r\t", kLetters = "\"\\bfnrt";
    const size_t special = kSpecial.find(c);
    if (special != std::string_view::npos) {
      out += '\\';
      out += kLetters[special];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr std::string_view kHex = "0123456789abcdef";
      out += "\\u00";
      out += kHex[static_cast<size_t>(c) >> 4];
      out += kHex[static_cast<size_t>(c) & 15];
    } else {
      out += c;
    }
  }

  bool string(std::string& out) {
    ++at_;
    out += '"';
    while (at_ < text_.size() && text_[at_] != '"') {
      const char c = text_[at_++];
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        out += c;
        continue;
      }
      if (at_ == text_.size()) return false;
      constexpr std::string_view kLetters = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
      const char escape = text_[at_++];
      if (escape == 'u') {
        if (!unicode(out)) return false;
        continue;
      }
      const size_t known = kLetters.find(escape);
      if (known == std::string_view::npos) return false;
      character(kMeant[known], out);
    }
    out += '"';
    return take('"');
  }

  const std::string_view text_;
  const bool shortest_;
  size_t at_ = 0;
};

// Writes a value in jsonb's form as bytes whose order is that of jsonb. The order of kinds is null, strings, numbers,
// booleans, arrays, objects. Arrays and objects are ordered by their number of members, then by their contents. A
// top-level empty array sorts before everything else, as in PostgreSQL.
class OrderedForm {
 public:
  explicit OrderedForm(std::string_view normal) : text_(normal) {}

  bool document(std::string& out) {
    if (text_ == "[]") {
      out += '0';
      return true;
    }
    return value(out) && at_ == text_.size();
  }

 private:
  static constexpr char kEnd = '\0';  // sorts before every other character of a text

  bool value(std::string& out) {
    switch (at_ < text_.size() ? text_[at_] : kEnd) {
      case 'n':
        out += '1';
        return skip(std::string_view("null").size());
      case '"':
        out += '2';
        return string(out);
      case 't':
        out += "41";
        return skip(std::string_view("true").size());
      case 'f':
        out += "40";
        return skip(std::string_view("false").size());
      case '[':
        return members(out, '5', ']');
      case '{':
        return members(out, '6', '}');
      default:
        return number(out);
    }
  }
  bool skip(size_t size) {
    at_ += size;
    return at_ <= text_.size();
  }
  bool string(std::string& out) {
    const size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size()) return false;
    out += text_.substr(begin, at_++ - begin);
    out += kEnd;
    return true;
  }
  bool number(std::string& out) {
    const size_t end = std::min(text_.find_first_of(",]}", at_), text_.size());
    out += '3' + comparable_numeric(text_.substr(at_, end - at_)) + kEnd;
    at_ = end;
    return true;
  }
  bool members(std::string& out, char kind, char end) {
    constexpr size_t kDigits = 8;  // enough for the members of a text of 64 MB
    std::string within;
    size_t count = 0;
    ++at_;
    for (; at_ < text_.size() && text_[at_] != end; ++count) {
      if (count > 0 && !skip(2)) return false;
      if (kind == '6' && (!string(within) || !skip(2))) return false;
      if (!value(within)) return false;
    }
    std::string digits = std::to_string(count);
    digits.insert(0, kDigits - std::min(kDigits, digits.size()), '0');
    out += kind + digits + within;
    return skip(1);
  }

  const std::string_view text_;
  size_t at_ = 0;
};

Result<std::string> read_json(std::string_view text) {
  std::string out;
  if (!JsonReader(text, false).document(out)) return invalid_text("json", text);
  return out;
}

}  // namespace

Result<std::string> checked_json(std::string_view text) {
  TRY(read_json(text));
  return std::string(text);
}

Result<std::string> normal_jsonb(std::string_view text) { return read_json(text); }

std::string shortest_jsonb(std::string_view jsonb) {
  std::string out;
  return JsonReader(jsonb, true).document(out) ? out : std::string(jsonb);
}

std::string comparable_jsonb(std::string_view jsonb) {
  const std::string normal = shortest_jsonb(jsonb);
  std::string out;
  return OrderedForm(normal).document(out) ? out : normal;
}

}  // namespace engine
