#include "engine/connect/secrets.h"

#include <algorithm>
#include <cctype>

namespace engine {
namespace {

constexpr std::string_view kSecretParts[] = {
    "password",   "passwd",      "passphrase",  "secret",    "token",
    "credential", "private.key", "privatekey",  "api.key",   "apikey",
    "access.key", "account.key", "jaas.config", "user.info", "authorization",
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

// Whether the value consists of one reference to a provider of secrets, ${provider:...}.
bool is_reference(std::string_view value) {
  return value.starts_with("${") && value.ends_with('}') && value.find(':') != value.npos &&
         value.find('}') == value.size() - 1;
}

// Hides the password of "scheme://user:password@host" and of "...?password=...".
std::string without_passwords(std::string_view value) {
  std::string shown(value);
  if (const size_t scheme = shown.find("://"); scheme != shown.npos) {
    const size_t begin = scheme + 3;
    const size_t end = std::min(shown.find_first_of("/?# ", begin), shown.size());
    const size_t at = shown.rfind('@', end);
    const size_t colon = shown.find(':', begin);
    if (at != shown.npos && at > begin && at < end && colon < at)
      shown.replace(colon + 1, at - colon - 1, kHiddenValue);
  }
  constexpr std::string_view kParameter = "password=";
  for (size_t begin = lower_of(shown).find(kParameter); begin != shown.npos;) {
    begin += kParameter.size();
    const size_t end = std::min(shown.find_first_of("&; ", begin), shown.size());
    shown.replace(begin, end - begin, kHiddenValue);
    begin = lower_of(shown).find(kParameter, begin);
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

bool is_literal_secret(std::string_view property, std::string_view value) {
  return !value.empty() && may_be_secret(property) && !is_reference(value);
}

std::string shown_value(std::string_view property, std::string_view value) {
  if (is_literal_secret(property, value)) return std::string(kHiddenValue);
  return without_passwords(value);
}

}  // namespace engine
