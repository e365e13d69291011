// Functions on texts: parts, padding, searching, letter case and joining.
#include <unicode/bytestream.h>
#include <unicode/casemap.h>
#include <unicode/uchar.h>

#include <algorithm>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/functions/scalar/string_parts.h"
#include "engine/functions/text_search.h"
#include "engine/java/utf16.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

// ---- Case ----

using CaseMapping = void (*)(const char* locale, uint32_t options, icu::StringPiece text,
                             icu::ByteSink& sink, icu::Edits* edits, UErrorCode& status);

std::string with_case(CaseMapping mapping, std::string_view text) {
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  UErrorCode status = U_ZERO_ERROR;
  mapping("", 0, {text.data(), static_cast<int32_t>(text.size())}, sink, nullptr, status);
  return out;
}
std::string upper_case(std::string_view text) { return with_case(icu::CaseMap::utf8ToUpper, text); }
std::string lower_case(std::string_view text) { return with_case(icu::CaseMap::utf8ToLower, text); }

std::string_view lcase(StringHeap& heap, std::string_view text) {
  if (!is_ascii(text)) return heap.add(lower_case(text));
  char* to = heap.allocate(text.size());
  std::ranges::transform(text, to, ascii_lower);
  return {to, text.size()};
}
std::string_view ucase(StringHeap& heap, std::string_view text) {
  if (!is_ascii(text)) return heap.add(upper_case(text));
  char* to = heap.allocate(text.size());
  std::ranges::transform(text, to, ascii_upper);
  return {to, text.size()};
}

bool is_blank_letter(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string initcap(std::string_view text) {
  const bool is_simple = is_ascii(text);
  std::string lower;
  if (is_simple)
    std::ranges::transform(text, std::back_inserter(lower), ascii_lower);
  else
    lower = lower_case(text);
  size_t at = 0;
  while (at < lower.size() && is_blank_letter(lower[at])) ++at;
  std::string out;
  bool begins_word = true;
  for (; at < lower.size(); at += character_size(lower, at)) {
    const std::string_view character(lower.data() + at, character_size(lower, at));
    if (begins_word && is_simple)
      out += ascii_upper(character[0]);
    else
      out += begins_word ? upper_case(character) : character;
    begins_word = is_blank_letter(character[0]);
  }
  return out;
}

// ---- Parts ----

int32_t len(std::string_view text) { return static_cast<int32_t>(utf16_length(text)); }

std::string_view trim(std::string_view text) {
  const auto is_cut = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && is_cut(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_cut(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view units(std::string_view text, PartRange range) {
  if (is_ascii(text)) return text.substr(range.start, range.end - range.start);
  const size_t start = utf16_offset(text, range.start);
  return text.substr(start, utf16_offset(text, range.end) - start);
}
std::string_view substring_from(std::string_view text, int32_t position) {
  return units(text, part_range(utf16_length(text), position, INT32_MAX));
}
std::string_view substring(std::string_view text, int32_t position, int32_t length) {
  return units(text, part_range(utf16_length(text), position, length));
}

template <PadSide side>
Result<std::optional<std::string>> pad(const KernelCall& call, std::string_view text,
                                       int32_t length, std::string_view padding) {
  if (length < 0 || padding.empty()) return std::optional<std::string>();
  const auto wanted = static_cast<size_t>(length);
  if (!call.context.has_bytes(wanted)) return call.context.too_large(wanted);
  if (is_ascii(text) && is_ascii(padding))
    return std::optional(padded(text, wanted, padding, side));
  return std::optional(to_utf8(padded(to_utf16(text), wanted, to_utf16(padding), side)));
}

// ---- Searching and replacing ----

// Returns the byte position of the n-th occurrence; occurrences may overlap.
size_t find_occurrence(std::string_view text, std::string_view wanted, size_t from, int32_t nth) {
  TextMatches matches(text, wanted, from);
  size_t found = matches.next_overlapping();
  for (int32_t count = 1; count < nth && found != TextMatches::kNone; ++count)
    found = matches.next_overlapping();
  return found;
}
// Searches backwards, and returns the byte position of the n-th occurrence among those that begin
// at `from` or before.
size_t find_occurrence_backwards(std::string_view text, std::string_view wanted, size_t from,
                                 int32_t nth) {
  text = text.substr(0, std::min(text.size(), from + wanted.size()));
  const std::string mirrored(text.rbegin(), text.rend()),
      mirrored_wanted(wanted.rbegin(), wanted.rend());
  const size_t found = find_occurrence(mirrored, mirrored_wanted, 0, nth);
  return found == TextMatches::kNone ? found : text.size() - found - wanted.size();
}

int32_t instr_occurrence(std::optional<std::string_view> text,
                         std::optional<std::string_view> wanted, int32_t position,
                         int32_t occurrence) {
  if (!text || !wanted) return 0;
  const auto units = static_cast<int64_t>(utf16_length(*text));
  if (std::abs(int64_t{position}) > units || occurrence < 1) return 0;
  const auto byte_of = [&](int64_t unit) { return utf16_offset(*text, static_cast<size_t>(unit)); };
  const size_t found =
      position < 0
          ? find_occurrence_backwards(*text, *wanted, byte_of(units + position), occurrence)
          : find_occurrence(*text, *wanted, byte_of(std::max(position - 1, 0)), occurrence);
  if (found == TextMatches::kNone) return 0;
  return static_cast<int32_t>(utf16_length(text->substr(0, found))) + 1;
}
int32_t instr_from(std::optional<std::string_view> text, std::optional<std::string_view> wanted,
                   int32_t position) {
  return instr_occurrence(text, wanted, position, 1);
}
int32_t instr(std::optional<std::string_view> text, std::optional<std::string_view> wanted) {
  return instr_occurrence(text, wanted, 1, 1);
}

// Replaces the empty text, which, as in Java, occurs before and after every character.
std::string replace_empty(std::string_view text, std::string_view replacement) {
  std::string out(replacement);
  for (size_t at = 0; at < text.size(); at += character_size(text, at)) {
    out += text.substr(at, character_size(text, at));
    out += replacement;
  }
  return out;
}

size_t count_of(std::string_view text, std::string_view wanted) {
  size_t count = 0;
  TextMatches matches(text, wanted);
  while (matches.next() != TextMatches::kNone) ++count;
  return count;
}

// Replaces a text. The size of the result is computed first, because a text of hundreds of bytes
// can become one of gigabytes.
Result<std::string_view> replace(const KernelCall& call, std::string_view text,
                                 std::string_view old_text, std::string_view new_text) {
  const size_t count = old_text.empty() ? text.size() + 1 : count_of(text, old_text);
  if (count == 0) return text;
  const size_t size = text.size() - count * old_text.size() + count * new_text.size();
  if (!call.context.take_bytes(size)) return call.context.too_large(size);
  if (old_text.empty()) return call.out.heap().add(replace_empty(text, new_text));
  char* const start = call.out.heap().allocate(size);
  char* to = start;
  size_t at = 0;
  TextMatches matches(text, old_text);
  for (size_t found; (found = matches.next()) != TextMatches::kNone;) {
    to = std::ranges::copy(text.substr(at, found - at), to).out;
    to = std::ranges::copy(new_text, to).out;
    at = found + old_text.size();
  }
  std::ranges::copy(text.substr(at), to);
  return std::string_view(start, size);
}
Result<std::string_view> replace_unless_empty(const KernelCall& call, std::string_view text,
                                              std::string_view old_text,
                                              std::string_view new_text) {
  if (old_text.empty()) return text;
  return replace(call, text, old_text, new_text);
}

// ---- Choosing ----

std::optional<std::string_view> elt(int32_t index, Variadic<std::string_view> texts) {
  if (index < 1 || static_cast<size_t>(index) > texts.size()) return std::nullopt;
  return texts[static_cast<size_t>(index) - 1];
}

int32_t field(std::optional<std::string_view> wanted, Variadic<std::string_view> texts) {
  if (!wanted) return 0;
  for (size_t i = 0; i < texts.size(); ++i)
    if (texts[i] == wanted) return static_cast<int32_t>(i) + 1;
  return 0;
}

// ---- Characters ----

std::optional<std::string> chr_code(int32_t code_point) {
  if (code_point < 0 || code_point > 0x10FFFF) return std::nullopt;
  if (U_IS_SURROGATE(code_point)) return "?";  // Java writes "?" for an unpaired surrogate in UTF-8
  std::string out;
  append_utf8(out, static_cast<char32_t>(code_point));
  return out;
}

std::optional<char16_t> hex_unit(std::string_view digits) {
  if (digits.size() != 4) return std::nullopt;
  unsigned unit = 0;
  for (const char c : digits) {
    const int digit = u_digit(static_cast<unsigned char>(c), 16);
    if (digit < 0) return std::nullopt;
    unit = unit * 16 + static_cast<unsigned>(digit);
  }
  return static_cast<char16_t>(unit);
}

// Decodes Java's character escapes ("\u004b") in the text; other escapes are kept.
std::optional<std::string> chr_escape(std::string_view text) {
  if (text.size() < 6 || !text.starts_with("\\u")) return std::nullopt;
  std::u16string out;
  while (!text.empty()) {
    if (!text.starts_with("\\u")) {
      const size_t size = character_size(text, 0);
      out += to_utf16(text.substr(0, size));
      text.remove_prefix(size);
      continue;
    }
    const auto unit = hex_unit(text.substr(2, 4));
    if (!unit) return std::nullopt;
    out += *unit;
    text.remove_prefix(6);
  }
  return to_utf8(out);
}

constexpr FunctionDef kStringDefs[] = {
    {.name = "lcase",
     .signature = "(STRING input) -> STRING",
     .doc = "The text in lower case.",
     .example = "LCASE('Éa') = 'éa'",
     .kernel = row_kernel<lcase>},
    {.name = "ucase",
     .signature = "(STRING input) -> STRING",
     .doc = "The text in upper case.",
     .example = "UCASE('ab') = 'AB'",
     .kernel = row_kernel<ucase>},
    {.name = "lower",  // PostgreSQL's name for LCASE
     .signature = "(STRING input) -> STRING",
     .doc = "The text in lower case.",
     .example = "LOWER('Éa') = 'éa'",
     .kernel = row_kernel<lcase>},
    {.name = "upper",
     .signature = "(STRING input) -> STRING",
     .doc = "The text in upper case.",
     .example = "UPPER('ab') = 'AB'",
     .kernel = row_kernel<ucase>},
    {.name = "initcap",
     .signature = "(STRING input) -> STRING",
     .doc = "The first letter of each word in upper case, all others in lower case.",
     .example = "INITCAP('the  qUICK fox') = 'The  Quick Fox'",
     .kernel = row_kernel<initcap>},
    {.name = "len",
     .signature = "(STRING input) -> INT",
     .doc = "The number of UTF-16 units of the text.",
     .example = "LEN('abc') = 3",
     .kernel = row_kernel<len>},
    {.name = "trim",
     .signature = "(STRING input) -> STRING",
     .doc = "The text without blanks and control characters at both ends.",
     .example = "TRIM('  ab ') = 'ab'",
     .kernel = row_kernel<trim>},
    {.name = "substring",
     .signature = "(STRING value, INT pos) -> STRING",
     .doc = "The text from a position on, counted from 1; a negative position counts from the end.",
     .example = "SUBSTRING('stream', -3) = 'eam'",
     .kernel = row_kernel<substring_from>},
    {.name = "substring",
     .signature = "(STRING value, INT pos, INT length) -> STRING",
     .doc = "At most `length` characters from a position on.",
     .example = "SUBSTRING('stream', 2, 3) = 'tre'",
     .kernel = row_kernel<substring>},
    {.name = "lpad",
     .signature = "(STRING input, INT length, STRING padding) -> STRING",
     .doc = "The text filled on the left, or cut, to a length.",
     .example = "LPAD('foo', 7, 'Bar') = 'BarBfoo'",
     .kernel = row_kernel<pad<PadSide::Left>>},
    {.name = "rpad",
     .signature = "(STRING input, INT length, STRING padding) -> STRING",
     .doc = "The text filled on the right, or cut, to a length.",
     .example = "RPAD('foo', 7, 'Bar') = 'fooBarB'",
     .kernel = row_kernel<pad<PadSide::Right>>},
    {.name = "instr",
     .signature = "(STRING str, STRING substring) -> INT",
     .doc = "The position of a text in another, counted from 1; 0 if it does not occur.",
     .example = "INSTR('corporate floor', 'or') = 2",
     .kernel = row_kernel<instr>},
    {.name = "instr",
     .signature = "(STRING str, STRING substring, INT pos!) -> INT",
     .doc = "The position of a text in another, from a start position on; a negative one searches "
            "backwards from the end.",
     .example = "INSTR('corporate floor', 'or', 3) = 5",
     .kernel = row_kernel<instr_from>},
    {.name = "instr",
     .signature = "(STRING str, STRING substring, INT pos!, INT occurrence!) -> INT",
     .doc = "The position of the n-th occurrence of a text in another, from a start position on.",
     .example = "INSTR('corporate floor', 'or', -4, 2) = 2",
     .kernel = row_kernel<instr_occurrence>},
    {.name = "replace",
     .signature = "(STRING str, STRING old, STRING new) -> STRING",
     .doc = "The text with every occurrence of one text replaced by another.",
     .example = "REPLACE('anaconda', 'a', 'o') = 'onocondo'",
     .kernel = row_kernel<replace>},
    {.name = "pg_catalog.replace",
     .signature = "(STRING str, STRING old, STRING new) -> STRING",
     .doc = "Over tables: the text with every occurrence of one text replaced by another; an empty "
            "text does not occur.",
     .example = "REPLACE('ab', 'b', 'x') = 'ax'",
     .kernel = row_kernel<replace_unless_empty>},
    {.name = "concat",
     .signature = "(STRING... inputs) -> STRING",
     .doc = "All texts one after another; nulls are skipped.",
     .example = "CONCAT('a', NULL, 'b') = 'ab'",
     .kernel = row_kernel<concat>},
    {.name = "concat_ws",
     .signature = "(STRING separator, STRING... inputs) -> STRING",
     .doc = "All texts with a separator between them; nulls are skipped.",
     .example = "CONCAT_WS(', ', 'a', NULL, 'b') = 'a, b'",
     .kernel = row_kernel<concat_ws>},
    {.name = "elt",
     .signature = "(INT pos!, STRING... arr) -> STRING",
     .doc = "The text at a position among the arguments, counted from 1.",
     .example = "ELT(2, 'a', 'b') = 'b'",
     .kernel = row_kernel<elt>},
    {.name = "field",
     .signature = "(STRING str, STRING... arr) -> INT",
     .doc = "The position of a text among the other arguments, counted from 1; 0 if it does not "
            "occur.",
     .example = "FIELD('b', 'a', 'b') = 2",
     .kernel = row_kernel<field>},
    {.name = "chr",
     .signature = "(INT decimal_code) -> STRING",
     .doc = "The character with this code point.",
     .example = "CHR(75) = 'K'",
     .kernel = row_kernel<chr_code>},
    {.name = "chr",
     .signature = "(STRING utf16_code) -> STRING",
     .doc = "The characters that Java escapes stand for.",
     .example = R"(CHR('\u004b') = 'K')",
     .kernel = row_kernel<chr_escape>},
};

}  // namespace

const FunctionFamily kStringFunctions{"STRING", kStringDefs};

}  // namespace engine
