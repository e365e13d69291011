#include "engine/connect/delimited_text.h"

#include <fmt/format.h>

namespace engine {

namespace {

constexpr std::string_view kJsonBlanks = " \t\r\n";

// Returns whether the character at `at` is an escape, and the next one is part of the field.
bool is_escape(std::string_view text, size_t at, const CsvSettings& settings) {
  if (!settings.escape || text[at] != *settings.escape || at + 1 >= text.size()) return false;
  return text[at + 1] == settings.quote || text[at + 1] == *settings.escape;
}

TextRecord record_of(std::string_view text, size_t end) {
  TextRecord record{text.substr(0, end), std::min(text.size(), end + 1)};
  if (record.text.ends_with('\r')) record.text.remove_suffix(1);
  return record;
}

}  // namespace

std::optional<TextRecord> first_line(std::string_view text, TextEnd end) {
  const size_t line_end = text.find('\n');
  if (line_end != std::string_view::npos) return record_of(text, line_end);
  if (end == TextEnd::MayGrow || text.empty()) return std::nullopt;
  return record_of(text, text.size());
}

std::optional<TextRecord> first_json_value(std::string_view text, TextEnd end) {
  const size_t begin = std::min(text.find_first_not_of(kJsonBlanks), text.size());
  if (begin == text.size())
    return text.empty() ? std::nullopt : std::optional(TextRecord{{}, text.size()});
  if (text[begin] != '{' && text[begin] != '[') {
    const auto line = first_line(text.substr(begin), end);
    if (!line) return std::nullopt;
    return TextRecord{line->text, begin + line->size};
  }
  bool is_quoted = false;
  size_t depth = 0;
  for (size_t i = begin; i < text.size(); ++i) {
    const char c = text[i];
    if (is_quoted && c == '\\')
      ++i;
    else if (c == '"')
      is_quoted = !is_quoted;
    else if (!is_quoted && (c == '{' || c == '['))
      ++depth;
    else if (!is_quoted && (c == '}' || c == ']') && --depth == 0)
      return TextRecord{text.substr(begin, i + 1 - begin),
                        std::min(text.find_first_not_of(kJsonBlanks, i + 1), text.size())};
  }
  if (end == TextEnd::MayGrow) return std::nullopt;
  return TextRecord{text.substr(begin), text.size()};
}

std::optional<TextRecord> first_csv_record(std::string_view text, TextEnd end,
                                           const CsvSettings& settings) {
  // A quote within a field is doubled, so each quote toggles between inside and outside of a quoted
  // field.
  bool is_quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_escape(text, i, settings)) {
      ++i;
      continue;
    }
    if (text[i] == settings.quote) is_quoted = !is_quoted;
    if (text[i] == '\n' && !is_quoted) return record_of(text, i);
  }
  if (end == TextEnd::MayGrow || text.empty()) return std::nullopt;
  return record_of(text, text.size());
}

Result<CsvFields> split_csv(std::string_view record, const CsvSettings& settings) {
  CsvFields fields;
  const auto malformed = [&](std::string_view what) {
    return Error{ErrorCode::BadCopyFormat,
                 fmt::format("field {} of a CSV record {}", fields.size() + 1, what)};
  };
  // `at` is the first byte of a field at the beginning of the body, and the separator after the
  // field at its end.
  for (size_t at = 0;; ++at) {
    std::string text;
    if (settings.skips_blanks)
      if (const size_t next = record.find_first_not_of(" \t", at);
          next != record.npos && record[next] == settings.quote)
        at = next;
    const bool is_quoted = at < record.size() && record[at] == settings.quote;
    if (is_quoted) {
      for (++at;; ++at) {
        if (at >= record.size()) return malformed("has no closing quote");
        if (is_escape(record, at, settings)) {
          text += record[++at];
        } else if (record[at] != settings.quote) {
          text += record[at];
        } else if (at + 1 < record.size() && record[at + 1] == settings.quote) {
          text += record[++at];
        } else {
          ++at;
          break;
        }
      }
      if (at < record.size() && record[at] != settings.separator)
        return malformed("has text after its closing quote");
    } else if (!settings.escape) {
      const size_t end = std::min(record.find(settings.separator, at), record.size());
      text = record.substr(at, end - at);
      at = end;
    } else {
      for (; at < record.size() && record[at] != settings.separator; ++at)
        text += record[is_escape(record, at, settings) ? ++at : at];
    }
    const bool is_null = is_quoted ? settings.is_quoted_empty_null && text.empty()
                                   : settings.null_text && text == *settings.null_text;
    if (is_null)
      fields.emplace_back(std::nullopt);
    else
      fields.emplace_back(std::move(text));
    if (at >= record.size()) return fields;
  }
}

}  // namespace engine
