#include "server/auth/oauth/token.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "server/auth/oauth/base64url.h"
#include "server/auth/oauth/json_object.h"

namespace server::auth::oauth {

namespace {

constexpr size_t kMostUserBytes = 255;
constexpr size_t kMostKeyIdBytes = 1024;
constexpr int64_t kMsPerS = 1000;

Error refused(std::string why) { return {ErrorCode::InvalidAuthorization, std::move(why)}; }

// The three parts of a token, in base64url, and the signed text, which consists of the first two.
struct Parts {
  std::string_view header, claims, signature, signed_text;
};

Result<Parts> split(std::string_view token) {
  if (token.size() > kMostTokenBytes)
    return refused(fmt::format("the token is longer than {} bytes", kMostTokenBytes));
  const size_t first = token.find('.');
  const size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
    return refused("the token is not a signed JSON Web Token: it does not have three parts");
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
               token.substr(second + 1), token.substr(0, second)};
}

Result<JsonObject> decode(std::string_view part, std::string_view what) {
  const auto bytes = from_base64url(part);
  if (!bytes) return refused(fmt::format("the {} of the token are not base64url", what));
  auto object = JsonObject::parse(*bytes);
  if (!object)
    return refused(fmt::format(
        "the {} of the token are not a flat JSON object whose members have different names", what));
  return *std::move(object);
}

// The fields of a token's header that are used to check the signature.
struct Header {
  const Algorithm* algorithm;
  std::string kid;
};

Result<Header> read_header(std::string_view part, bool has_secret) {
  const JsonObject object = TRY(decode(part, "header fields"));
  // The token requires support for extensions (`crit`), and this server supports none (RFC 7515,
  // section 4.1.11).
  if (object.has("crit")) return refused("the token has critical extensions (crit)");
  const Algorithm* algorithm = find_algorithm(object.text("alg").value_or(""));
  if (!algorithm)
    return refused(
        fmt::format("the algorithm of the token (alg) is not one of {}", algorithm_names()));
  if (algorithm->key_type == KeyType::Secret && !has_secret)
    return refused(
        "the token is signed with a secret (HS256), and the server has none "
        "(sasl-oauthbearer-secret-file)");
  Header header{algorithm, std::string(object.text("kid").value_or(""))};
  if (header.kid.size() > kMostKeyIdBytes || (object.has("kid") && header.kid.empty()))
    return refused("the key id of the token (kid) is not valid");
  return header;
}

// Reads a NumericDate (RFC 7519, section 2): seconds, perhaps with a fraction. Returns nullopt without the claim.
Result<std::optional<int64_t>> read_date(const JsonObject& claims, std::string_view name) {
  constexpr double kLatest = 253'402'300'799;  // the end of the year 9999
  simdjson::dom::element claim;
  if (claims.object().at_key(name).get(claim) != simdjson::SUCCESS) return {std::nullopt};
  double seconds = 0;
  if (claim.get(seconds) != simdjson::SUCCESS || !(seconds >= 0 && seconds <= kLatest))
    return refused(fmt::format("the claim {} of the token is not a date", name));
  return {static_cast<int64_t>(std::floor(seconds))};
}

// Returns whether the claim, which is a text or a list of texts, has one of the values.
bool has_one_of(const JsonObject& claims, std::string_view name,
                const std::vector<std::string>& values) {
  const auto is_wanted = [&](std::string_view text) {
    return std::ranges::find(values, text) != values.end();
  };
  if (const auto text = claims.text(name)) return is_wanted(*text);
  simdjson::dom::array texts;
  if (claims.object().at_key(name).get(texts) != simdjson::SUCCESS) return false;
  return std::any_of(texts.begin(), texts.end(), [&](simdjson::dom::element each) {
    std::string_view text;
    return each.get(text) == simdjson::SUCCESS && is_wanted(text);
  });
}

// Checks the times of the token. Returns the time at which it expires, in ms.
Result<int64_t> check_times(const JsonObject& claims, int64_t skew_s, int64_t now_ms) {
  const auto expires_s = TRY(read_date(claims, "exp"));
  const auto begins_s = TRY(read_date(claims, "nbf"));
  const auto issued_s = TRY(read_date(claims, "iat"));
  if (!expires_s) return refused("the token has no expiry (exp)");
  const int64_t now_s = now_ms / kMsPerS;
  if (now_s >= *expires_s + skew_s)
    return refused(fmt::format("the token expired {} seconds ago (exp)", now_s - *expires_s));
  if (begins_s && now_s < *begins_s - skew_s)
    return refused(fmt::format("the token is valid only in {} seconds (nbf)", *begins_s - now_s));
  if (issued_s && now_s < *issued_s - skew_s)
    return refused(
        fmt::format("the token was issued in the future, in {} seconds (iat)", *issued_s - now_s));
  const int64_t expires_ms = *expires_s * kMsPerS;
  return expires_ms > now_ms ? expires_ms : expires_ms + skew_s * kMsPerS;
}

Result<Grant> check_claims(const JsonObject& claims, const TokenRules& rules, int64_t now_ms) {
  const int64_t expires_ms = TRY(check_times(claims, rules.clock_skew_s, now_ms));
  if (!rules.issuer.empty() && claims.text("iss") != rules.issuer)
    return refused(fmt::format("the issuer of the token (iss) is not \"{}\"", rules.issuer));
  if (!rules.audiences.empty() && !has_one_of(claims, "aud", rules.audiences))
    return refused(fmt::format("the audience of the token (aud) does not contain \"{}\"",
                               fmt::join(rules.audiences, "\" or \"")));
  const std::string_view user = claims.text(rules.user_claim).value_or("");
  const bool is_name =
      !user.empty() && user.size() <= kMostUserBytes && std::ranges::none_of(user, [](char c) {
        constexpr char kDelete = 127;
        return (c >= 0 && c < ' ') || c == kDelete;
      });
  if (!is_name)
    return refused(
        fmt::format("the claim {} of the token is not the name of a user", rules.user_claim));
  return Grant{std::string(user), expires_ms};
}

Status check_signature(const Header& header, const Parts& parts, const TokenRules& rules,
                       const KeySet* keys, bool& lacks_key) {
  const auto signature = from_base64url(parts.signature);
  if (!signature || signature->empty())
    return refused("the signature of the token is not base64url");
  const Error wrong = refused("the signature of the token is wrong");
  if (header.algorithm->key_type == KeyType::Secret) {
    if (!is_signed_with(rules.secret, parts.signed_text, *signature)) return wrong;
    return {};
  }
  const auto verdict =
      keys ? keys->check(*header.algorithm, header.kid, parts.signed_text, *signature)
           : KeySet::Verdict::NoKey;
  switch (verdict) {
    case KeySet::Verdict::Valid:
      return {};
    case KeySet::Verdict::Wrong:
      return wrong;
    case KeySet::Verdict::Misfit:
      return refused("the key of the token (kid) is not for its algorithm (alg)");
    case KeySet::Verdict::NoKey:
      break;
  }
  lacks_key = true;
  return refused(keys ? "the issuer has no key for the token (kid)"
                      : "the server has no keys to check the token with; try again later");
}

}  // namespace

Verdict check_token(std::string_view token, const TokenRules& rules, const KeySet* keys,
                    int64_t now_ms) {
  const auto parts = split(token);
  if (!parts) return {parts.error()};
  const auto header = read_header(parts->header, !rules.secret.empty());
  if (!header) return {header.error()};
  const auto claims = decode(parts->claims, "claims");
  if (!claims) return {claims.error()};
  bool lacks_key = false;
  const Status is_signed = check_signature(*header, *parts, rules, keys, lacks_key);
  if (!is_signed && !lacks_key) return {is_signed.error()};
  Result<Grant> grant = check_claims(*claims, rules, now_ms);
  // The claims are also checked if the key is unknown. Otherwise expired tokens, and tokens of other services, would
  // make the server fetch the keys again.
  if (is_signed || !grant) return {std::move(grant)};
  return {is_signed.error(), true};
}

}  // namespace server::auth::oauth
