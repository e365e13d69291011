#include "engine/connect/delimited_text.h"

#include <fmt/format.h>

namespace engine {

namespace {

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

std::optional<TextRecord> first_csv_record(std::string_view text, TextEnd end, char quote) {
  // A quote within a field is doubled, so each quote toggles between inside and outside of a quoted
  // field.
  bool is_quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == quote) is_quoted = !is_quoted;
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
    const bool is_quoted = at < record.size() && record[at] == settings.quote;
    if (is_quoted) {
      for (++at;; ++at) {
        if (at >= record.size()) return malformed("has no closing quote");
        if (record[at] != settings.quote) {
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
    } else {
      const size_t end = std::min(record.find(settings.separator, at), record.size());
      text = record.substr(at, end - at);
      at = end;
    }
    if (!is_quoted && settings.null_text && text == *settings.null_text)
      fields.emplace_back(std::nullopt);
    else
      fields.emplace_back(std::move(text));
    if (at >= record.size()) return fields;
  }
}

}  // namespace engine
