// Functions that compose texts as in PostgreSQL, for SELECTs over tables. The binder has converted values of other
// types to texts.
#include <fmt/format.h>
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/java/utf16.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_keywords.h"

namespace engine {

namespace {

using Text = std::string_view;
using Texts = Variadic<Text>;

// ---- CONCAT, CONCAT_WS: nulls are ignored

Result<std::string> concat(const KernelCall& call, std::optional<Text> first, Texts others) {
  std::string all(first.value_or(""));
  for (size_t i = 0; i < others.size(); ++i) all += others[i].value_or("");
  if (!call.context.has_bytes(all.size())) return call.context.too_large(all.size());
  return all;
}

Result<std::string> concat_ws(const KernelCall& call, Text separator, Texts others) {
  std::string all;
  bool has_any = false;
  for (size_t i = 0; i < others.size(); ++i) {
    const std::optional<Text> each = others[i];
    if (!each) continue;
    if (has_any) all += separator;
    all += *each;
    has_any = true;
    if (!call.context.has_bytes(all.size())) return call.context.too_large(all.size());
  }
  return all;
}

// ---- INITCAP, CHR

// Makes the first letter of each word upper case, and the other letters lower case. A word consists of letters and
// digits. Each letter is converted to one letter.
std::string postgres_initcap(Text text) {
  std::string out;
  bool is_in_word = false;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto size = static_cast<int32_t>(text.size());
  for (int32_t at = 0; at < size;) {
    UChar32 character = 0;
    U8_NEXT_OR_FFFD(bytes, at, size, character);
    append_utf8(out,
                static_cast<char32_t>(is_in_word ? u_tolower(character) : u_toupper(character)));
    is_in_word = u_isalnum(character);
  }
  return out;
}

Result<std::string> chr(int32_t code) {
  if (code < 0) return Error{ErrorCode::InvalidParameter, "character number must be positive"};
  if (code == 0) return Error{ErrorCode::LimitExceeded, "null character not permitted"};
  constexpr int32_t kLastOfUnicode = 0x10FFFF;
  if (code > kLastOfUnicode || U_IS_SURROGATE(code))
    return Error{ErrorCode::LimitExceeded,
                 "requested character " +
                     std::string(code > kLastOfUnicode ? "too large" : "not valid") +
                     " for encoding: " + std::to_string(code)};
  std::string out;
  append_utf8(out, static_cast<char32_t>(code));
  return out;
}

// ---- FORMAT

std::string quoted_literal(Text text) {
  std::string out;
  for (const char c : text) out.append(c == '\'' || c == '\\' ? 2 : 1, c);
  const bool has_escape = text.find('\\') != Text::npos;
  return (has_escape ? "E'" : "'") + out + "'";
}

size_t characters(Text text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// Implements FORMAT. A directive is %[position$][-][width]type; the width may also be * or *position$.
class Formatter {
 public:
  Formatter(const KernelCall& call, Text pattern, Texts arguments)
      : call_(call), pattern_(pattern), arguments_(arguments) {}

  Result<std::string> run() {
    std::string out;
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_++];
      if (c != '%') {
        out += c;
        continue;
      }
      if (at_ < pattern_.size() && pattern_[at_] == '%') {
        out += '%';
        ++at_;
        continue;
      }
      TRY(add(out));
      if (!call_.context.has_bytes(out.size())) return call_.context.too_large(out.size());
    }
    return out;
  }

 private:
  static Error bad(const char* why) { return {ErrorCode::InvalidParameter, why}; }

  std::optional<int64_t> number() {
    int64_t value = 0;
    const char* const begin = pattern_.data() + at_;
    const auto read = std::from_chars(begin, pattern_.data() + pattern_.size(), value);
    if (read.ec != std::errc() || read.ptr == begin || *begin == '-') return std::nullopt;
    at_ += static_cast<size_t>(read.ptr - begin);
    return value;
  }
  bool take(char c) {
    if (at_ >= pattern_.size() || pattern_[at_] != c) return false;
    ++at_;
    return true;
  }
  // Returns the argument with that number, or the next one.
  Result<std::optional<Text>> argument(std::optional<int64_t> place) {
    if (place && *place == 0)
      return bad("format specifies argument 0, but arguments are numbered from 1");
    const auto index = place ? static_cast<size_t>(*place - 1) : next_;
    if (index >= arguments_.size()) return bad("too few arguments for format()");
    next_ = index + 1;
    return arguments_[index];
  }

  Status add(std::string& out) {
    std::optional<int64_t> place, width;
    const size_t begin = at_;
    if (const auto first = number()) {
      if (take('$'))
        place = first;
      else
        at_ = begin;
    }
    bool is_left = take('-');
    while (take('-')) is_left = true;
    if (take('*')) {
      std::optional<int64_t> of;
      if (const auto first = number()) {
        if (!take('$')) return bad("width argument position must be ended by \"$\"");
        of = first;
      }
      const std::optional<Text> text = TRY(argument(of));
      int64_t value = 0;
      if (text) {
        const auto read = std::from_chars(text->data(), text->data() + text->size(), value);
        if (read.ec != std::errc()) return bad("the width of format() is not a number");
      }
      width = value;
    } else {
      width = number();
    }
    if (at_ >= pattern_.size()) return bad("unterminated format() type specifier");
    const char type = pattern_[at_++];
    if (type != 's' && type != 'I' && type != 'L')
      return Error{ErrorCode::InvalidParameter,
                   std::string("unrecognized format() type specifier \"") + type + "\""};
    const std::optional<Text> value = TRY(argument(place));
    if (!value && type == 'I') return bad("null values cannot be formatted as an SQL identifier");
    const std::string shown = !value        ? type == 'L' ? "NULL" : ""
                              : type == 'I' ? quoted_postgres_name(*value)
                              : type == 'L' ? quoted_literal(*value)
                                            : std::string(*value);
    int64_t wanted = width.value_or(0);
    if (wanted < 0) is_left = true, wanted = -wanted;
    if (static_cast<uint64_t>(wanted) > kMaxValueBytes) return bad("number is out of range");
    const size_t size = characters(shown);
    const size_t blanks =
        static_cast<size_t>(wanted) > size ? static_cast<size_t>(wanted) - size : 0;
    if (!call_.context.has_bytes(out.size() + shown.size() + blanks))
      return call_.context.too_large(out.size() + shown.size() + blanks);
    if (!is_left) out.append(blanks, ' ');
    out += shown;
    if (is_left) out.append(blanks, ' ');
    return {};
  }

  const KernelCall& call_;
  const Text pattern_;
  const Texts arguments_;
  size_t at_ = 0, next_ = 0;
};

Result<std::string> format(const KernelCall& call, Text pattern, Texts arguments) {
  return Formatter(call, pattern, arguments).run();
}

// ---- LPAD, RPAD: in code points, or bytes

enum class Side : uint8_t { Left, Right };
struct Characters {
  static size_t count(Text text) { return characters(text); }
  // Returns the size in bytes of the first `count` characters, which must exist.
  static size_t bytes(Text text, size_t count) {
    size_t at = 0;
    for (; count > 0 && at < text.size(); --count) at += character_size(text, at);
    return std::min(at, text.size());
  }
};
struct Bytes {
  static size_t count(Text bytes) { return bytes.size(); }
  static size_t bytes(Text, size_t count) { return count; }
};

template <Side side, class Unit>
Result<std::string> pad(const KernelCall& call, Text text, int32_t length, Text fill) {
  const auto wanted = static_cast<size_t>(std::max(length, 0));
  const size_t size = Unit::count(text);
  if (size >= wanted) return std::string(text.substr(0, Unit::bytes(text, wanted)));
  if (fill.empty()) return std::string(text);
  const size_t missing = wanted - size, each = Unit::count(fill);
  const size_t rest = Unit::bytes(fill, missing % each);
  const size_t bytes = text.size() + missing / each * fill.size() + rest;
  if (!call.context.has_bytes(bytes)) return call.context.too_large(bytes);
  std::string out;
  out.reserve(bytes);
  if (side == Side::Right) out += text;
  for (size_t i = 0; i < missing / each; ++i) out += fill;
  out += fill.substr(0, rest);
  if (side == Side::Left) out += text;
  return out;
}
template <Side side>
Result<std::string> pad_with_blanks(const KernelCall& call, Text text, int32_t length) {
  return pad<side, Characters>(call, text, length, " ");
}

// ---- BIT_LENGTH, TO_HEX and similar functions

template <class T>
std::string to_hex(T value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof(digits),
                                 static_cast<std::make_unsigned_t<T>>(value), 16);
  return std::string(digits, end.ptr);
}
Result<int32_t> bit_length(Text text) { return static_cast<int32_t>(text.size() * 8); }

// Converts a pattern of SIMILAR TO to a regular expression that matches the whole text. % and _ are converted as in
// LIKE; |*+?{}() and brackets stay unchanged.
Result<std::string> similar_pattern(std::string_view pattern, char escape) {
  std::string out = "\\A(?:";
  bool is_in_brackets = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == escape) {
      if (++i == pattern.size())
        return Error{ErrorCode::InvalidText, "invalid escape at the end of the pattern"};
      out += '\\';
      out += pattern[i];
    } else if (is_in_brackets) {
      if (c == '\\') out += '\\';
      out += c;
      is_in_brackets = c != ']';
    } else if (c == '%') {
      out += ".*";
    } else if (c == '_') {
      out += '.';
    } else if (c == '(') {
      out += "(?:";
    } else {
      is_in_brackets = c == '[';
      if (c == '\\' || c == '.' || c == '^' || c == '$') out += '\\';
      out += c;
    }
  }
  return out + ")\\z";
}

Result<std::string> similar_to_escape(std::string_view pattern) {
  return similar_pattern(pattern, '\\');
}
Result<std::string> similar_to_escape_by(std::string_view pattern, std::string_view escape) {
  if (escape.size() > 1)
    return Error{ErrorCode::InvalidParameter, "invalid escape string"}.with_hint(
        "Escape string must be empty or one character.");
  return similar_pattern(pattern, escape.empty() ? '\0' : escape.front());
}

// ---- CONVERT_FROM, CONVERT_TO, NORMALIZE, UNISTR

enum class Charset : uint8_t { Utf8, Latin1 };

// Finds an encoding by one of PostgreSQL's names, in which only letters and digits count.
Result<Charset> charset_of(Text name) {
  std::string plain;
  for (const char c : name)
    if (is_ascii_letter(c) || is_ascii_digit(c)) plain += ascii_lower(c);
  if (plain == "utf8" || plain == "unicode") return Charset::Utf8;
  if (plain == "latin1" || plain == "iso88591") return Charset::Latin1;
  return Error{ErrorCode::NotSupported,
               "the encoding \"" + std::string(name.substr(0, 40)) + "\" is not supported yet",
               {},
               "Use UTF8 or LATIN1."};
}

// Returns the next character of a text in UTF-8, and moves `at` to the byte after it. The result is negative if the
// bytes are not a character.
UChar32 next_character(Text text, size_t& at) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  auto next = static_cast<int32_t>(at);
  UChar32 character = 0;
  U8_NEXT(bytes, next, static_cast<int32_t>(text.size()), character);
  at = static_cast<size_t>(next);
  return character;
}

Result<std::string> convert_from(const KernelCall& call, Text bytes, Text name) {
  const Charset from = TRY(charset_of(name));
  if (!call.context.has_bytes(2 * bytes.size())) return call.context.too_large(2 * bytes.size());
  std::string out;
  for (size_t at = 0; at < bytes.size();) {
    const auto byte = static_cast<unsigned char>(bytes[at]);
    const UChar32 character = from == Charset::Latin1 ? (++at, byte) : next_character(bytes, at);
    if (character <= 0)  // a text has no zeros
      return Error{ErrorCode::InvalidEncoding,
                   fmt::format("invalid byte sequence for encoding \"{}\": 0x{:02x}",
                               from == Charset::Utf8 ? "UTF8" : "LATIN1", byte)};
    append_utf8(out, static_cast<char32_t>(character));
  }
  return out;
}

Result<std::string> convert_to(Text text, Text name) {
  if (TRY(charset_of(name)) == Charset::Utf8) return std::string(text);
  constexpr UChar32 kLastOfLatin1 = 0xFF;
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const UChar32 character = next_character(text, at);
    if (character < 0 || character > kLastOfLatin1)
      return Error{ErrorCode::InvalidEncoding,
                   fmt::format("character U+{:04X} has no equivalent in encoding \"LATIN1\"",
                               std::max(character, 0))};
    out += static_cast<char>(character);
  }
  return out;
}

Result<const icu::Normalizer2*> normalizer(Text form) {
  struct Form {
    Text name;
    const char* data;
    UNormalization2Mode mode;
  };
  constexpr Form kForms[] = {{"NFC", "nfc", UNORM2_COMPOSE},
                             {"NFD", "nfc", UNORM2_DECOMPOSE},
                             {"NFKC", "nfkc", UNORM2_COMPOSE},
                             {"NFKD", "nfkc", UNORM2_DECOMPOSE}};
  for (const Form& each : kForms) {
    if (!equals_ignoring_case(form, each.name)) continue;
    UErrorCode failed = U_ZERO_ERROR;
    const auto* found = icu::Normalizer2::getInstance(nullptr, each.data, each.mode, failed);
    if (U_SUCCESS(failed)) return found;
  }
  return Error{ErrorCode::InvalidParameter,
               "invalid normalization form: " + std::string(form.substr(0, 40))};
}

Result<std::string> normalize(const KernelCall& call, Text text, Text form) {
  const icu::Normalizer2* by = TRY(normalizer(form));
  // The result may be kMostGrowth times as long as the text. NFKD can turn one character into 18
  // (Unicode Standard Annex 15), but no real text grows by that factor.
  constexpr size_t kMostGrowth = 3;
  const size_t most = kMostGrowth * text.size();
  if (!call.context.has_bytes(most)) return call.context.too_large(most);
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  UErrorCode failed = U_ZERO_ERROR;
  by->normalizeUTF8(0, {text.data(), static_cast<int32_t>(text.size())}, sink, nullptr, failed);
  if (U_FAILURE(failed)) return Error{ErrorCode::InvalidEncoding, "the text is not valid UTF-8"};
  if (!call.context.has_bytes(out.size())) return call.context.too_large(out.size());
  return out;
}
Result<std::string> normalize_to_nfc(const KernelCall& call, Text text) {
  return normalize(call, text, "NFC");
}
Result<bool> is_normalized(const KernelCall& call, Text text, Text form) {
  return TRY(normalize(call, text, form)) == text;
}
Result<bool> is_nfc(const KernelCall& call, Text text) { return is_normalized(call, text, "NFC"); }

// Replaces \XXXX, \+XXXXXX, \uXXXX and \UXXXXXXXX by the character with this number, and \\ by a backslash. Numbers
// above U+FFFF may be pairs of surrogates.
Result<std::string> unistr(Text text) {
  const Error invalid{ErrorCode::SyntaxError,
                      "invalid Unicode escape",
                      {},
                      "Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX."};
  const Error pair{ErrorCode::SyntaxError, "invalid Unicode surrogate pair"};
  std::string out;
  uint32_t lead = 0;  // first half of an incomplete surrogate pair; 0: none
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '\\' || text.substr(at, 2) == "\\\\") {
      if (lead != 0) return pair;
      out += text[at];
      at += text[at] == '\\' ? 2 : 1;
      continue;
    }
    const char kind = at + 1 < text.size() ? text[at + 1] : '\0';
    const size_t digits = kind == '+' ? 6 : kind == 'U' ? 8 : 4;
    const size_t begin = at + (kind == '+' || kind == 'u' || kind == 'U' ? 2 : 1);
    const Text number = text.substr(begin, digits);
    uint32_t code = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), code, 16);
    if (number.size() != digits || read.ptr != number.data() + digits) return invalid;
    at = begin + digits;
    const bool is_lead = code >= 0xD800 && code < 0xDC00,
               is_trail = code >= 0xDC00 && code < 0xE000;
    if (is_trail != (lead != 0)) return pair;
    if (code == 0 || code > 0x10FFFF)
      return Error{ErrorCode::SyntaxError, fmt::format("invalid Unicode code point: {:04X}", code)};
    if (is_trail) code = 0x10000 + ((lead - 0xD800) << 10) + (code - 0xDC00);
    lead = is_lead ? code : 0;
    if (!is_lead) append_utf8(out, static_cast<char32_t>(code));
  }
  if (lead != 0) return pair;
  return out;
}

constexpr FunctionDef kPostgresTextsDefs[] = {
    {.name = "convert_from",
     .signature = "(BYTES bytes, STRING encoding) -> STRING",
     .doc = "Converts bytes in the encoding UTF8 or LATIN1 to a text.",
     .example = "CONVERT_FROM(TO_BYTES('e9', 'hex'), 'LATIN1') = 'é'",
     .kernel = row_kernel<convert_from>},
    {.name = "convert_to",
     .signature = "(STRING text, STRING encoding) -> BYTES",
     .doc = "The bytes of a text in an encoding: UTF8 or LATIN1.",
     .example = "CONVERT_TO('é', 'LATIN1') = TO_BYTES('e9', 'hex')",
     .kernel = row_kernel<convert_to>},
    {.name = "normalize",
     .signature = "(STRING text) -> STRING",
     .doc = "The text in Unicode's normal form NFC.",
     .example = "LEN(NORMALIZE(UNISTR('e\\0301'))) = 1",
     .kernel = row_kernel<normalize_to_nfc>},
    {.name = "normalize",
     .signature = "(STRING text, STRING form) -> STRING",
     .doc = "The text in one of Unicode's normal forms: NFC, NFD, NFKC or NFKD.",
     .example = "LEN(NORMALIZE('é', 'NFD')) = 2",
     .kernel = row_kernel<normalize>},
    {.name = "is_normalized",
     .signature = "(STRING text) -> BOOLEAN",
     .doc = "Whether a text is in the normal form NFC.",
     .example = "IS_NORMALIZED('e')",
     .kernel = row_kernel<is_nfc>},
    {.name = "is_normalized",
     .signature = "(STRING text, STRING form) -> BOOLEAN",
     .doc = "Whether a text is in one of Unicode's normal forms.",
     .example = "NOT IS_NORMALIZED('é', 'NFD')",
     .kernel = row_kernel<is_normalized>},
    {.name = "unistr",
     .signature = "(STRING text) -> STRING",
     .doc = "The text with its escapes replaced by characters: \\XXXX, \\+XXXXXX, \\uXXXX "
            "and \\UXXXXXXXX.",
     .example = "UNISTR('d\\0061t') = 'dat'",
     .kernel = row_kernel<unistr>},
    {.name = "similar_to_escape",
     .signature = "(STRING pattern) -> STRING",
     .doc = "Converts a pattern of SIMILAR TO to a regular expression.",
     .example = "REGEXP_LIKE('abc', SIMILAR_TO_ESCAPE('(a|b)%'))",
     .kernel = row_kernel<similar_to_escape>},
    {.name = "similar_to_escape",
     .signature = "(STRING pattern, STRING escape) -> STRING",
     .doc = "The regular expression for a pattern of SIMILAR TO with an escape character other "
            "than the backslash.",
     .example = "REGEXP_LIKE('a_c', SIMILAR_TO_ESCAPE('a#_c', '#'))",
     .kernel = row_kernel<similar_to_escape_by>},
    {.name = "pg_catalog.concat",
     .signature = "(STRING first, STRING... others) -> STRING",
     .doc = "Over tables: joins the texts of values of any type, without nulls.",
     .example = "CONCAT('a', 1, NULL, 'b') = 'a1b'",
     .kernel = row_kernel<concat>},
    {.name = "pg_catalog.concat_ws",
     .signature = "(STRING separator, STRING... others) -> STRING",
     .doc = "Over tables: the texts of values of any type with a separator between them, without "
            "nulls.",
     .example = "CONCAT_WS(',', 'a', 1, NULL, 'b') = 'a,1,b'",
     .kernel = row_kernel<concat_ws>},
    {.name = "pg_catalog.lpad",
     .signature = "(STRING text, INT length, STRING fill) -> STRING",
     .doc = "Over tables: the text filled on the left, or cut, to n characters.",
     .example = "LPAD('a', 3, 'xy') = 'xya'",
     .kernel = row_kernel<pad<Side::Left, Characters>>},
    {.name = "pg_catalog.lpad",
     .signature = "(STRING text, INT length) -> STRING",
     .doc = "Over tables: the text filled with blanks on the left, or cut, to n characters.",
     .example = "LPAD('a', 3) = '  a'",
     .kernel = row_kernel<pad_with_blanks<Side::Left>>},
    {.name = "pg_catalog.lpad",
     .signature = "(BYTES bytes, INT length, BYTES fill) -> BYTES",
     .doc = "Over tables: the bytes filled on the left, or cut, to n bytes.",
     .example = "LPAD(TO_BYTES('a', 'utf8'), 2, TO_BYTES('b', 'utf8')) = TO_BYTES('ba', 'utf8')",
     .kernel = row_kernel<pad<Side::Left, Bytes>>},
    {.name = "pg_catalog.rpad",
     .signature = "(STRING text, INT length, STRING fill) -> STRING",
     .doc = "Over tables: the text filled on the right, or cut, to n characters.",
     .example = "RPAD('a', 3, 'xy') = 'axy'",
     .kernel = row_kernel<pad<Side::Right, Characters>>},
    {.name = "pg_catalog.rpad",
     .signature = "(STRING text, INT length) -> STRING",
     .doc = "Over tables: the text filled with blanks on the right, or cut, to n characters.",
     .example = "RPAD('a', 3) = 'a  '",
     .kernel = row_kernel<pad_with_blanks<Side::Right>>},
    {.name = "pg_catalog.rpad",
     .signature = "(BYTES bytes, INT length, BYTES fill) -> BYTES",
     .doc = "Over tables: the bytes filled on the right, or cut, to n bytes.",
     .example = "RPAD(TO_BYTES('a', 'utf8'), 2, TO_BYTES('b', 'utf8')) = TO_BYTES('ab', 'utf8')",
     .kernel = row_kernel<pad<Side::Right, Bytes>>},
    {.name = "pg_catalog.initcap",
     .signature = "(STRING text) -> STRING",
     .doc =
         "Over tables: each word, of letters and digits, with its first letter in upper case and "
         "all others in lower case.",
     .example = "INITCAP('wide WORLD') = 'Wide World'",
     .kernel = row_kernel<postgres_initcap>},
    {.name = "pg_catalog.chr",
     .signature = "(INT code) -> STRING",
     .doc =
         "Over tables: the character with this code point; an error if no such character exists.",
     .example = "CHR(75) = 'K'",
     .kernel = row_kernel<chr>},
    {.name = "format",
     .signature = "(STRING template, STRING... values) -> STRING",
     .doc = "The template, in which values replace %s as texts, %I as names and %L as literals. "
            "Over tables the values may be of any type.",
     .example = "FORMAT('%s of %2$s: %1$L', 'a', 'b') = 'a of b: ''a'''",
     .kernel = row_kernel<format>},
    {.name = "to_hex",
     .signature = "(INT number) -> STRING",
     .doc = "The number in hexadecimal digits.",
     .example = "TO_HEX(255) = 'ff'",
     .kernel = row_kernel<to_hex<int32_t>>},
    {.name = "to_hex",
     .signature = "(BIGINT number) -> STRING",
     .doc = "The number in hexadecimal digits.",
     .example = "TO_HEX(4294967295) = 'ffffffff'",
     .kernel = row_kernel<to_hex<int64_t>>},
    {.name = "bit_length",
     .signature = "(STRING text) -> INT",
     .doc = "The number of bits of the text in UTF-8.",
     .example = "BIT_LENGTH('né') = 24",
     .kernel = row_kernel<bit_length>},
};

}  // namespace

const FunctionFamily kPostgresTexts{"POSTGRESQL OVER TABLES", kPostgresTextsDefs};

}  // namespace engine
