#include "client/line_parser.h"

#include <fmt/format.h>

#include <vector>

#include "base/suggest.h"

namespace client {

namespace {

Error bad_property(std::string message) {
  return Error{ErrorCode::InvalidParameter, std::move(message)};
}

// Removes and returns the part before `separator`. If the separator is missing, returns nothing if
// the format permits that, and otherwise fails.
Result<std::optional<std::string_view>> take_part(const LineFormat& format, std::string_view& rest,
                                                  std::string_view separator,
                                                  std::string_view separator_name,
                                                  int64_t line_number) {
  const size_t end = rest.find(separator);
  if (end == rest.npos) {
    if (format.takes_lines_without_separator) return std::optional<std::string_view>();
    return Error{ErrorCode::InvalidText, fmt::format("No {} found on line number {}: '{}'",
                                                     separator_name, line_number, rest)};
  }
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end + separator.size());
  return std::optional(part);
}

std::optional<std::string> unless_null(const LineFormat& format, std::string_view part) {
  if (format.null_marker && part == *format.null_marker) return std::nullopt;
  return std::string(part);
}

Result<OutgoingHeader> parse_header(const LineFormat& format, std::string_view pair,
                                    int64_t line_number) {
  const size_t end = pair.find(format.headers_key_separator);
  if (end == pair.npos) {
    if (format.takes_lines_without_separator) return OutgoingHeader{std::string(pair), {}};
    return Error{ErrorCode::InvalidText,
                 fmt::format("No header key separator found in pair '{}' on line number {}", pair,
                             line_number)};
  }
  const std::string_view name = pair.substr(0, end);
  if (format.null_marker && name == *format.null_marker)
    return Error{ErrorCode::InvalidText,
                 fmt::format("Header keys should not be equal to the null marker '{}' as they "
                             "can't be null",
                             name)};
  return OutgoingHeader{
      std::string(name),
      unless_null(format, pair.substr(end + format.headers_key_separator.size()))};
}

Status parse_headers(const LineFormat& format, std::string_view text, int64_t line_number,
                     std::vector<OutgoingHeader>& headers) {
  while (!text.empty()) {
    const size_t end = text.find(format.headers_separator);
    headers.push_back(TRY(parse_header(format, text.substr(0, end), line_number)));
    text = end == text.npos ? "" : text.substr(end + format.headers_separator.size());
  }
  return {};
}

Status check_separators(const LineFormat& format) {
  const auto differ = [](std::string_view a_name, std::string_view a, std::string_view b_name,
                         std::string_view b) -> Status {
    if (a.empty() || b.empty())
      return bad_property(fmt::format("{} may not be empty", a.empty() ? a_name : b_name));
    if (a == b) return bad_property(fmt::format("{} and {} may not be equal", a_name, b_name));
    return {};
  };
  if (format.has_key && format.key_separator.empty())
    return bad_property("key.separator may not be empty");
  if (!format.has_headers) return {};
  TRY(differ("headers.delimiter", format.headers_delimiter, "headers.separator",
             format.headers_separator));
  TRY(differ("headers.delimiter", format.headers_delimiter, "headers.key.separator",
             format.headers_key_separator));
  return differ("headers.separator", format.headers_separator, "headers.key.separator",
                format.headers_key_separator);
}

Error unknown_property(const std::string& name) {
  const std::vector<std::string> names = {
      "parse.key",         "key.separator",         "parse.headers", "headers.delimiter",
      "headers.separator", "headers.key.separator", "null.marker",   "ignore.error"};
  std::string hint = fmt::format("The properties are {}.", fmt::join(names, ", "));
  if (const std::string near = nearest_name(name, names); !near.empty())
    hint = fmt::format("Did you mean {}?", near);
  else if (name == "acks" || name.find("linger") != name.npos || name.starts_with("compression"))
    hint = fmt::format("Settings of the producer are given with --producer-property {}=...", name);
  Error error = bad_property(fmt::format("unrecognized property {}", name));
  error.hint = std::move(hint);
  return error;
}

}  // namespace

Result<LineFormat> LineFormat::from(const Properties& properties) {
  LineFormat format;
  for (const auto& [name, value] : properties) {
    if (name == "parse.key")
      format.has_key = TRY(parse_bool(name, value));
    else if (name == "parse.headers")
      format.has_headers = TRY(parse_bool(name, value));
    else if (name == "ignore.error")
      format.takes_lines_without_separator = TRY(parse_bool(name, value));
    else if (name == "key.separator")
      format.key_separator = value;
    else if (name == "headers.delimiter")
      format.headers_delimiter = value;
    else if (name == "headers.separator")
      format.headers_separator = value;
    else if (name == "headers.key.separator")
      format.headers_key_separator = value;
    else if (name == "null.marker")
      format.null_marker = value;
    else
      return unknown_property(name);
  }
  TRY(check_separators(format));
  return format;
}

Result<OutgoingRecord> parse_line(const LineFormat& format, std::string_view line,
                                  int64_t line_number) {
  OutgoingRecord record;
  if (format.has_headers) {
    const std::optional<std::string_view> headers =
        TRY(take_part(format, line, format.headers_delimiter, "headers delimiter", line_number));
    if (headers && headers != format.null_marker)
      TRY(parse_headers(format, *headers, line_number, record.headers));
  }
  if (format.has_key) {
    const std::optional<std::string_view> key =
        TRY(take_part(format, line, format.key_separator, "key separator", line_number));
    if (key) record.key = unless_null(format, *key);
  }
  record.value = unless_null(format, line);
  return record;
}

}  // namespace client
