#include "engine/connect/secrets.h"

#include <algorithm>
#include <cctype>

namespace engine {
namespace {

constexpr std::string_view kSecretParts[] = {
    "password",    "passwd",     "passphrase",    "secret",  "token",      "credential",
    "private.key", "privatekey", "api.key",       "apikey",  "access.key", "account.key",
    "jaas.config", "user.info",  "authorization", "key.pem",
};
// A property whose name ends with one of these words contains a place or an algorithm, and no
// secret.
constexpr std::string_view kOpenEnds[] = {".location", ".file",     ".path", ".class",
                                          ".type",     ".url",      ".name", ".header",
                                          ".alias",    ".provider", ".ms",   ".id"};

std::string lower_of(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// Returns whether the value consists of one reference to a provider of secrets, ${provider:...}.
bool is_reference(std::string_view value) {
  return value.starts_with("${") && value.ends_with('}') && value.find(':') != value.npos &&
         value.find('}') == value.size() - 1;
}

// Returns whether the value of the property with this name is a list of HTTP headers, Name:value.
bool is_list_of_headers(std::string_view property) {
  return lower_of(property).find("headers") != std::string::npos &&
         !lower_of(property).ends_with(".authorization");
}

// Returns whether a list of headers has a header with a literal secret. A reference may follow the
// name of a scheme: "Authorization: Bearer ${file:NAME}". This function does not know the separator
// of the list, so it takes each colon as the end of a header's name.
bool has_secret_header(std::string_view headers) {
  constexpr char kReference = '\1';
  std::string text;
  for (size_t at = 0; at < headers.size();) {
    const size_t end = headers.find('}', at);
    if (headers.substr(at).starts_with("${") && end != headers.npos &&
        headers.substr(at, end - at).find(':') != headers.npos) {
      text += kReference;
      at = end + 1;
    } else {
      text += headers[at++];
    }
  }
  const auto is_of_name = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  };
  for (size_t colon = text.find(':'); colon != text.npos; colon = text.find(':', colon + 1)) {
    size_t begin = colon;
    while (begin > 0 && is_of_name(text[begin - 1])) --begin;
    if (!is_secret_header(std::string_view(text).substr(begin, colon - begin))) continue;
    std::string_view value = std::string_view(text).substr(colon + 1);
    const auto skip_blanks = [&] {
      while (value.starts_with(' ')) value.remove_prefix(1);
    };
    skip_blanks();
    for (const std::string_view scheme : {"bearer ", "basic ", "token "})
      if (lower_of(value.substr(0, scheme.size())) == scheme) value.remove_prefix(scheme.size());
    skip_blanks();
    if (!value.starts_with(kReference) || (value.size() > 1 && is_of_name(value[1]))) return true;
  }
  return false;
}

// Whether a parameter "name=value" with this name usually has a secret: "password", "access_token"; in URLs also "sig".
bool is_secret_parameter(std::string_view name, bool is_in_url) {
  std::string lower = lower_of(name);
  for (const std::string_view whole : {"key", "sig", "signature", "code"})
    if (is_in_url && lower == whole) return true;
  std::ranges::replace_if(
      lower, [](char c) { return c == '_' || c == '-'; }, '.');
  return std::ranges::any_of(kSecretParts,
                             [&](std::string_view part) { return lower.find(part) != lower.npos; });
}

// Hides the password of "scheme://user:password@host", and the secret parameters of "...?access_token=..." and of
// "host=... password=...".
std::string without_passwords(std::string_view value) {
  std::string shown(value);
  const size_t scheme = shown.find("://");
  if (scheme != shown.npos) {
    const size_t begin = scheme + 3;
    const size_t end = std::min(shown.find_first_of("/?# ", begin), shown.size());
    const size_t at = shown.rfind('@', end);
    const size_t colon = shown.find(':', begin);
    if (at != shown.npos && at > begin && at < end && colon < at)
      shown.replace(colon + 1, at - colon - 1, kHiddenValue);
  }
  for (size_t equals = shown.find('='); equals != shown.npos;
       equals = shown.find('=', equals + 1)) {
    const size_t before = shown.find_last_of("?&;/ ", equals);
    const size_t name = before == shown.npos ? 0 : before + 1;
    if (!is_secret_parameter(std::string_view(shown).substr(name, equals - name),
                             scheme != shown.npos))
      continue;
    const size_t end = std::min(shown.find_first_of("&;# ", equals), shown.size());
    const std::string_view parameter = std::string_view(shown).substr(equals + 1, end - equals - 1);
    if (!parameter.empty() && !is_reference(parameter))
      shown.replace(equals + 1, parameter.size(), kHiddenValue);
  }
  return shown;
}

}  // namespace

bool may_be_secret(std::string_view property) {
  const std::string lower = lower_of(property);
  if (std::ranges::any_of(kOpenEnds, [&](std::string_view end) { return lower.ends_with(end); }))
    return false;
  return std::ranges::any_of(kSecretParts,
                             [&](std::string_view part) { return lower.find(part) != lower.npos; });
}

bool is_secret_header(std::string_view name) {
  std::string lower = lower_of(name);
  if (lower == "idempotency-key") return false;
  if (lower.find("auth") != lower.npos || lower.find("cookie") != lower.npos ||
      lower.ends_with("-key"))
    return true;
  std::ranges::replace(lower, '-', '.');
  return std::ranges::any_of(kSecretParts,
                             [&](std::string_view part) { return lower.find(part) != lower.npos; });
}

bool is_literal_secret(std::string_view property, std::string_view value) {
  if (is_list_of_headers(property)) return has_secret_header(value);
  return !value.empty() && may_be_secret(property) && !is_reference(value);
}

std::string shown_value(std::string_view property, std::string_view value) {
  if (is_literal_secret(property, value)) return std::string(kHiddenValue);
  return without_passwords(value);
}

}  // namespace engine
