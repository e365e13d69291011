#include "server/connect/webhooks/webhook_signature.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types/ascii.h"
#include "engine/types/text_bytes.h"
#include "server/auth/digest.h"

namespace server {

namespace {

using engine::SignatureScheme;
using engine::WebhookSignature;

Error refused(std::string message) { return {ErrorCode::InvalidAuthorization, std::move(message)}; }

std::string signature_text(const WebhookSignature& how, const std::string& secret,
                           std::string_view signed_bytes) {
  const auth::Hash hash =
      how.hash == engine::SignatureHash::Sha512 ? auth::Hash::Sha512 : auth::Hash::Sha256;
  const std::string bytes = auth::hmac(hash, secret, signed_bytes);
  std::string text;
  if (how.encoding == engine::SignatureEncoding::Base64)
    engine::append_base64(text, bytes);
  else
    engine::append_hex(text, bytes, engine::HexCase::Lower);
  return text;
}

// Returns whether one of the secrets has made one of the signatures. Compares all pairs even after
// a match, so that the time of the check does not depend on the secrets.
bool has_signature(const WebhookSignature& how, std::string_view signed_bytes,
                   const std::vector<std::string_view>& signatures) {
  bool is_right = false;
  for (const std::string& secret : how.secrets) {
    const std::string expected = signature_text(how, secret, signed_bytes);
    for (const std::string_view signature : signatures) {
      const std::string given = how.encoding == engine::SignatureEncoding::Hex
                                    ? engine::lower_case(signature)
                                    : std::string(signature);
      const bool is_same = auth::is_same_secret(expected, given);
      is_right = is_right || is_same;
    }
  }
  return is_right;
}

// Fails if the sender's time, in seconds as text, is too far from the server's. So a recorded
// request can be sent again only for a short time.
Status check_time(const WebhookSignature& how, std::string_view seconds, int64_t now_ms) {
  int64_t time_s = 0;
  const auto [end, error] =
      std::from_chars(seconds.data(), seconds.data() + seconds.size(), time_s);
  if (error != std::errc() || end != seconds.data() + seconds.size() || time_s < 0)
    return refused("the request has no time");
  constexpr int64_t kMsOfSecond = 1'000;
  const int64_t now_s = now_ms / kMsOfSecond;
  const int64_t tolerance_s = how.tolerance_ms / kMsOfSecond;
  if (time_s < now_s - tolerance_s || time_s > now_s + tolerance_s)
    return refused(fmt::format("the time of the request differs by {} s",
                               time_s > now_s ? time_s - now_s : now_s - time_s));
  return {};
}

// "t=1492774577,v1=5257a8...,v1=6ffbb5...,v0=..." with the time and the signatures.
Status check_stripe(const WebhookSignature& how, const WebhookRequest& request, int64_t now_ms) {
  std::string_view rest = request.header(how.header);
  std::string_view time;
  std::vector<std::string_view> signatures;
  constexpr size_t kMostSignatures = 10;
  while (!rest.empty()) {
    const size_t end = rest.find(',');
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    if (part.starts_with("t=")) time = part.substr(2);
    if (part.starts_with("v1=") && signatures.size() < kMostSignatures)
      signatures.push_back(part.substr(3));
  }
  TRY(check_time(how, time, now_ms));
  if (has_signature(how, fmt::format("{}.{}", time, request.body), signatures)) return {};
  return refused("the signature in Stripe-Signature is wrong");
}

Status check_signature(const WebhookSignature& how, const WebhookRequest& request, int64_t now_ms) {
  if (how.scheme == SignatureScheme::None) return {};
  if (how.scheme == SignatureScheme::Stripe) return check_stripe(how, request, now_ms);
  std::string_view signature = request.header(how.header);
  if (!signature.starts_with(how.prefix) || signature.size() == how.prefix.size())
    return refused(fmt::format("the request has no signature in {}", how.header));
  signature.remove_prefix(how.prefix.size());
  std::string before;  // bytes that are signed together with the body and stand before it
  if (how.scheme == SignatureScheme::Slack) {
    const std::string_view time = request.header("x-slack-request-timestamp");
    TRY(check_time(how, time, now_ms));
    before = fmt::format("v0:{}:", time);
  }
  const bool is_right = before.empty() ? has_signature(how, request.body, {signature})
                                       : has_signature(how, before + request.body, {signature});
  if (is_right) return {};
  return refused(fmt::format("the signature in {} is wrong", how.header));
}

Status check_token(const engine::WebhookSource& source, const WebhookRequest& request) {
  if (source.tokens.empty()) return {};
  std::string_view given = request.header(source.token_header);
  constexpr std::string_view kBearer = "Bearer ";
  if (source.token_header == "authorization") {
    if (!engine::starts_ignoring_case(given, kBearer))
      return refused("the request has no token in Authorization");
    given.remove_prefix(kBearer.size());
  }
  bool is_right = false;
  for (const std::string& token : source.tokens) {
    const bool is_same = auth::is_same_secret(token, given);
    is_right = is_right || is_same;
  }
  if (is_right) return {};
  return refused(fmt::format("the token in {} is wrong", source.token_header));
}

}  // namespace

Status check_webhook_sender(const engine::WebhookSource& source, const WebhookRequest& request,
                            int64_t now_ms) {
  TRY(check_token(source, request));
  return check_signature(source.signature, request, now_ms);
}

}  // namespace server
