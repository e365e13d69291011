#include "server/auth/oauth/bearer_message.h"

#include <algorithm>

#include "server/auth/sasl_name.h"

namespace server::auth::oauth {

namespace {

constexpr char kSeparator = '\x01';

Error malformed(const char* why) {
  return {ErrorCode::ProtocolViolation, std::string("malformed OAUTHBEARER message: ") + why};
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_value_byte(char c) {
  return (c >= '!' && c <= '~') || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Decodes an authorization id.
std::optional<std::string> decode_name(std::string_view text) {
  constexpr std::string_view kForbidden("\0,", 2);
  if (text.empty() || text.find_first_of(kForbidden) != std::string_view::npos) return std::nullopt;
  return decode_sasl_name(text);
}

// Returns the token of "Bearer TOKEN". The name of the scheme is not sensitive to case (RFC 7235, section 2.1).
std::optional<std::string_view> token_of(std::string_view value) {
  constexpr std::string_view kScheme = "bearer ";
  if (value.size() <= kScheme.size()) return std::nullopt;
  const bool is_bearer = std::ranges::equal(
      value.substr(0, kScheme.size()), kScheme,
      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
  value.remove_prefix(kScheme.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  if (!is_bearer || value.empty()) return std::nullopt;
  return value;
}

}  // namespace

Result<BearerMessage> parse_bearer_message(std::string_view message) {
  // The header of GSS-API (RFC 5801): no channel binding, then the optional authorization id.
  const size_t header_end = message.find(kSeparator);
  if (header_end == std::string_view::npos) return malformed("a separator is missing");
  std::string_view header = message.substr(0, header_end);
  if (!header.starts_with("n,") || !header.ends_with(',') || header.size() < 3)
    return malformed("it does not begin with \"n,,\" or \"n,a=NAME,\"");
  BearerMessage parsed;
  header = header.substr(2, header.size() - 3);
  if (!header.empty()) {
    auto name = header.starts_with("a=") ? decode_name(header.substr(2)) : std::nullopt;
    if (!name) return malformed("the authorization id is not valid");
    parsed.authorization_id = *std::move(name);
  }

  std::string_view pairs = message.substr(header_end + 1);
  while (!pairs.empty() && pairs.front() != kSeparator) {
    const size_t end = pairs.find(kSeparator);
    if (end == std::string_view::npos) return malformed("a separator is missing");
    const std::string_view pair = pairs.substr(0, end);
    pairs.remove_prefix(end + 1);
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0 ||
        !std::ranges::all_of(pair.substr(0, equals), is_letter) ||
        !std::ranges::all_of(pair.substr(equals + 1), is_value_byte))
      return malformed("a pair is not of the form name=value");
    if (pair.substr(0, equals) != "auth") continue;
    const auto token = token_of(pair.substr(equals + 1));
    if (!token) return malformed("auth is not \"Bearer\" and a token");
    if (!parsed.token.empty()) return malformed("it has two tokens");
    parsed.token = *token;
  }
  if (pairs.size() != 1) return malformed("it does not end with a separator");
  if (parsed.token.empty()) return malformed("it has no token");
  return parsed;
}

}  // namespace server::auth::oauth
