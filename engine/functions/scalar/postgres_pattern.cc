#include "engine/functions/scalar/postgres_pattern.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/types/ascii.h"

namespace engine {

namespace {

constexpr std::string_view kOptions = "icnmpswxqt";

struct Options {
  bool in_any_case = false;
  bool is_expanded = false;  // blanks and comments in the pattern are ignored
  bool is_literal = false;
  bool dot_stops_at_lines = false, ends_match_at_lines = false;
};

void take(char letter, Options& options) {
  switch (letter) {
    case 'i':
    case 'c':
      options.in_any_case = letter == 'i';
      break;
    case 'n':
    case 'm':
      options.dot_stops_at_lines = options.ends_match_at_lines = true;
      break;
    case 's':
      options.dot_stops_at_lines = options.ends_match_at_lines = false;
      break;
    case 'p':
    case 'w':
      options.dot_stops_at_lines = letter == 'p';
      options.ends_match_at_lines = letter == 'w';
      break;
    case 'x':
    case 't':
      options.is_expanded = letter == 'x';
      break;
    case 'q':
      options.is_literal = true;
      break;
    default:
      break;
  }
}

// Consumes the options at the beginning of the pattern, as in `(?in)`.
Options take_options(std::string_view& pattern) {
  Options options;
  while (pattern.starts_with("(?")) {
    const size_t end = pattern.find_first_not_of(kOptions, 2);
    if (end == std::string_view::npos || end == 2 || pattern[end] != ')') break;
    for (const char letter : pattern.substr(2, end - 2)) take(letter, options);
    pattern.remove_prefix(end + 1);
    if (options.is_literal) break;
  }
  return options;
}

// Returns the translation of an escape; empty if none is needed. ICU treats the escapes for the beginning and the end
// of words as plain letters, and its \Z also matches before a final line break.
std::string_view meaning_of_escape(char letter) {
  switch (letter) {
    case 'm':
      return "\\b(?=\\w)";
    case 'M':
      return "\\b(?<=\\w)";
    case 'y':
      return "\\b";
    case 'Y':
      return "\\B";
    case 'Z':
      return "\\z";
    default:
      return {};
  }
}

std::string_view meaning_of(char c, const Options& options) {
  if (c == '$') return options.ends_match_at_lines ? "(?![^\\n])" : "\\z";
  if (c == '^' && options.ends_match_at_lines) return "(?<![^\\n])";
  if (c == '.' && options.dot_stops_at_lines) return "[^\\n]";
  return {};
}

// Returns the position after the bracket expression that begins at `at`.
size_t end_of_brackets(std::string_view pattern, size_t at) {
  size_t end = at + 1;
  if (end < pattern.size() && pattern[end] == '^') ++end;
  if (end < pattern.size() && pattern[end] == ']') ++end;
  for (; end < pattern.size() && pattern[end] != ']'; ++end) {
    if (pattern[end] == '\\') {
      ++end;
    } else if (pattern[end] == '[' && end + 1 < pattern.size() &&
               std::string_view(":.=").find(pattern[end + 1]) != std::string_view::npos) {
      end = pattern.find(']', end + 2);
      if (end == std::string_view::npos) return pattern.size();
    }
  }
  return std::min(end + 1, pattern.size());
}

std::string in_brackets(std::string_view brackets, const Options& options) {
  std::string out(brackets);
  if (options.dot_stops_at_lines && out.starts_with("[^")) out.insert(2, "\\n");
  return out;
}

std::string literally(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80 && !is_ascii_letter(c) && !is_ascii_digit(c))
      out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

Result<std::string> with_options(std::string_view options, std::string_view pattern) {
  const size_t unknown = options.find_first_not_of(kOptions);
  if (unknown != std::string_view::npos)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("invalid regular expression option: \"{}\"", options[unknown])};
  if (options.empty()) return std::string(pattern);
  return fmt::format("(?{}){}", options, pattern);
}

std::string in_words_of_icu(std::string_view pattern) {
  const Options options = take_options(pattern);
  std::string out = options.in_any_case ? "(?i)" : "";
  if (options.is_literal) return out + literally(pattern);
  if (options.is_expanded) out += "(?x)";
  for (size_t i = 0; i < pattern.size();) {
    size_t end = i + 1;
    if (pattern[i] == '[') {
      end = end_of_brackets(pattern, i);
      out += in_brackets(pattern.substr(i, end - i), options);
    } else {
      const bool is_escape = pattern[i] == '\\' && end < pattern.size();
      const std::string_view meant =
          is_escape ? meaning_of_escape(pattern[end]) : meaning_of(pattern[i], options);
      end += is_escape;
      out += meant.empty() ? pattern.substr(i, end - i) : meant;
    }
    i = end;
  }
  return out;
}

}  // namespace engine
