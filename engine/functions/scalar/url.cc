// Returns parts of URLs, which are parsed as in RFC 2396 and java.net.URI.
#include <fmt/format.h>

#include <optional>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/java/utf16.h"
#include "engine/types/ascii.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

using Text = std::string_view;

// The parts of a URL, still encoded.
struct Uri {
  std::optional<Text> scheme, host, path, query, fragment;
  std::optional<int32_t> port;
};

Error malformed(Text url) {
  return Error{ErrorCode::InvalidText, fmt::format("URL input has invalid syntax: {}", url)};
}

bool is_alphanumeric(char c) { return is_ascii_letter(c) || is_ascii_digit(c); }

// Returns whether the text has no blanks, control characters and delimiters of RFC 2396, and each
// percent sign begins an escape.
bool has_legal_characters(Text text) {
  constexpr Text kIllegal = "<>\"{}|\\^`";
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c <= ' ' || c == 0x7F || kIllegal.find(text[i]) != Text::npos) return false;
    if (c == '%' && !decode_hex(text.substr(i + 1, 2)).value_or("").size()) return false;
  }
  return true;
}

bool is_scheme(Text text) {
  if (text.empty() || !is_ascii_letter(text[0])) return false;
  return std::ranges::all_of(
      text, [](char c) { return is_alphanumeric(c) || c == '+' || c == '-' || c == '.'; });
}

bool is_host(Text host) {
  if (host.starts_with('[')) return host.size() > 2 && host.ends_with(']');
  if (host.empty() || host.front() == '-' || host.back() == '-' || host.front() == '.')
    return false;
  return std::ranges::all_of(host,
                             [](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; });
}

// Parses [user@]host[:port]; any other form is a registry-based name without host.
void split_authority(Text authority, Uri& uri) {
  authority = authority.substr(authority.rfind('@') + 1);
  const size_t colon = authority.rfind(':');
  const bool has_port = colon != Text::npos && authority.find(']', colon) == Text::npos;
  const Text host = authority.substr(0, has_port ? colon : authority.size());
  const Text port = has_port ? authority.substr(colon + 1) : Text();
  const auto number = parse_integer(port);
  if (!is_host(host) || (!port.empty() && (!number || !is_ascii_digit(port[0])))) return;
  uri.host = host;
  if (number) uri.port = *number;
}

Result<Uri> parse_uri(Text url) {
  if (url.empty() || !has_legal_characters(url)) return malformed(url);
  Uri uri;
  Text rest = url;
  if (const size_t hash = rest.find('#'); hash != Text::npos) {
    uri.fragment = rest.substr(hash + 1);
    if (uri.fragment->find('#') != Text::npos) return malformed(url);
    rest = rest.substr(0, hash);
  }
  const size_t colon = rest.find_first_of(":/?");
  if (colon != Text::npos && rest[colon] == ':') {
    uri.scheme = rest.substr(0, colon);
    rest = rest.substr(colon + 1);
    if (!is_scheme(*uri.scheme) || rest.empty()) return malformed(url);
    if (rest[0] != '/') return uri;  // an opaque URL such as mailto:a@b.c has no further parts
  }
  if (const size_t question = rest.find('?'); question != Text::npos) {
    uri.query = rest.substr(question + 1);
    rest = rest.substr(0, question);
  }
  if (rest.starts_with("//")) {
    const size_t end = rest.find('/', 2);
    const Text authority = rest.substr(2, end == Text::npos ? Text::npos : end - 2);
    if (authority.empty() && end == Text::npos) return malformed(url);
    split_authority(authority, uri);
    rest = end == Text::npos ? Text() : rest.substr(end);
  }
  uri.path = rest;
  return uri;
}

enum class Plus : uint8_t { IsItself, IsBlank };

// Decodes percent signs. Fails if a percent sign is not followed by two hexadecimal digits.
Result<std::string> percent_decoded(Text text, Plus plus) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const auto byte = decode_hex(text.substr(i + 1, 2));
      if (!byte || byte->empty())
        return Error{ErrorCode::InvalidText,
                     fmt::format("'{}' has a malformed escape at index {}", text, i)};
      bytes += *byte;
      i += 2;
    } else {
      bytes += text[i] == '+' && plus == Plus::IsBlank ? ' ' : text[i];
    }
  }
  return to_valid_utf8(bytes);
}

using OptionalString = std::optional<std::string>;

Result<OptionalString> decoded(const std::optional<Text>& part) {
  OptionalString text;
  if (part) text = TRY(percent_decoded(*part, Plus::IsItself));
  return text;
}

template <std::optional<Text> Uri::*part>
Result<OptionalString> extract(Text url) {
  const Uri uri = TRY(parse_uri(url));
  return decoded(uri.*part);
}

Result<std::optional<int32_t>> extract_port(Text url) {
  const Uri uri = TRY(parse_uri(url));
  return uri.port;
}

Result<OptionalString> extract_parameter(Text url, Text name) {
  const Uri uri = TRY(parse_uri(url));
  const OptionalString query = TRY(decoded(uri.query));
  if (!query) return OptionalString();
  Text rest = *query;
  while (true) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const Text parameter = rest.substr(0, end);
    const size_t equals = parameter.find('=');
    if (parameter.substr(0, equals) == name)
      return OptionalString(equals == Text::npos ? "" : parameter.substr(equals + 1));
    if (end == rest.size()) return OptionalString();
    rest = rest.substr(end + 1);
  }
}

Result<std::string> decode_param(Text text) { return percent_decoded(text, Plus::IsBlank); }

std::string encode_param(Text text) {
  constexpr Text kUnchanged = "-_.*";
  std::string out;
  for (const char c : text) {
    if (is_alphanumeric(c) || kUnchanged.find(c) != Text::npos)
      out += c;
    else if (c == ' ')
      out += '+';
    else
      append_hex(out += '%', {&c, 1}, HexCase::Upper);
  }
  return out;
}

constexpr FunctionDef kUrlDefs[] = {
    {.name = "url_decode_param",
     .signature = "(STRING input) -> STRING",
     .doc = "Decodes a text that was encoded as a parameter of a URL.",
     .example = "URL_DECODE_PARAM('a+b%26') = 'a b&'",
     .kernel = row_kernel<decode_param>},
    {.name = "url_encode_param",
     .signature = "(STRING input) -> STRING",
     .doc = "Encodes a text as a parameter of a URL.",
     .example = "URL_ENCODE_PARAM('?foo $bar') = '%3Ffoo+%24bar'",
     .kernel = row_kernel<encode_param>},
    {.name = "url_extract_fragment",
     .signature = "(STRING input) -> STRING",
     .doc = "The part of a URL after the #.",
     .example = "URL_EXTRACT_FRAGMENT('http://a.com/?q#f') = 'f'",
     .kernel = row_kernel<extract<&Uri::fragment>>},
    {.name = "url_extract_host",
     .signature = "(STRING input) -> STRING",
     .doc = "The host of a URL.",
     .example = "URL_EXTRACT_HOST('http://me@a.com:80/') = 'a.com'",
     .kernel = row_kernel<extract<&Uri::host>>},
    {.name = "url_extract_parameter",
     .signature = "(STRING input, STRING param_name) -> STRING",
     .doc = "The value of a parameter of a URL.",
     .example = "URL_EXTRACT_PARAMETER('http://a.com/?x=1&y=2', 'y') = '2'",
     .kernel = row_kernel<extract_parameter>},
    {.name = "url_extract_path",
     .signature = "(STRING input) -> STRING",
     .doc = "The path of a URL.",
     .example = "URL_EXTRACT_PATH('http://a.com/b/c?q') = '/b/c'",
     .kernel = row_kernel<extract<&Uri::path>>},
    {.name = "url_extract_port",
     .signature = "(STRING input) -> INT",
     .doc = "The port of a URL, if it has one.",
     .example = "URL_EXTRACT_PORT('http://a.com:8080/') = 8080",
     .kernel = row_kernel<extract_port>},
    {.name = "url_extract_protocol",
     .signature = "(STRING input) -> STRING",
     .doc = "The protocol of a URL.",
     .example = "URL_EXTRACT_PROTOCOL('https://a.com') = 'https'",
     .kernel = row_kernel<extract<&Uri::scheme>>},
    {.name = "url_extract_query",
     .signature = "(STRING input) -> STRING",
     .doc = "The part of a URL between the ? and the #.",
     .example = "URL_EXTRACT_QUERY('http://a.com?q=1#f') = 'q=1'",
     .kernel = row_kernel<extract<&Uri::query>>},
};

}  // namespace

const FunctionFamily kUrlFunctions{"URL", kUrlDefs};

}  // namespace engine
