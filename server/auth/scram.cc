#include "server/auth/scram.h"

#include <algorithm>
#include <cassert>
#include <optional>

#include "server/auth/sasl_name.h"

namespace server::auth {

namespace {

constexpr size_t kNonceBytes = 18;
constexpr std::string_view kBindingName = "tls-server-end-point";

Error malformed(std::string detail) {
  return {ErrorCode::ProtocolViolation, "malformed SCRAM message", std::move(detail)};
}

// Removes the part before the first comma, and the comma, from `text`, and returns the part.
// Returns nullopt if `text` has no comma.
std::optional<std::string_view> cut(std::string_view& text) {
  const size_t comma = text.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const std::string_view part = text.substr(0, comma);
  text.remove_prefix(comma + 1);
  return part;
}

// Returns whether the text can be a nonce, which is printable ASCII. The caller has cut it off at
// the comma.
bool is_nonce(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string exclusive_or(std::string a, std::string_view b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<char>(a[i] ^ b[i]);
  return a;
}

}  // namespace

std::string new_scram_nonce() { return to_base64(random_bytes(kNonceBytes)); }

Status ScramServer::check_binding(std::string_view gs2_flag) const {
  const bool is_bound = gs2_flag.starts_with("p=");
  if (is_bound != options_.is_plus)
    return malformed(is_bound ? "The client binds the channel, but has chosen a mechanism without "
                                "channel binding."
                              : "The client has chosen a mechanism with channel binding, but does "
                                "not bind the channel.");
  if (is_bound) {
    if (gs2_flag.substr(2) != kBindingName)
      return Error{ErrorCode::ProtocolViolation, "unsupported SCRAM channel-binding type",
                   "Supported is tls-server-end-point."};
    if (options_.channel_binding.empty()) return malformed("Channel binding requires TLS.");
    return {};
  }
  // The client supports channel binding, but did not see that the server offers it. An attacker in
  // the middle may have removed the stronger mechanism from the offer.
  if (gs2_flag == "y" && !options_.channel_binding.empty())
    return Error{ErrorCode::InvalidAuthorization, "SCRAM channel binding negotiation error",
                 "The client supports SCRAM channel binding but thinks the server does not. "
                 "However, this server does support channel binding."};
  if (gs2_flag != "y" && gs2_flag != "n")
    return malformed("The message does not begin with n, y or p.");
  return {};
}

Result<std::string> ScramServer::begin(std::string_view client_first) {
  if (std::exchange(stage_, Stage::Over) != Stage::First || client_first.size() > kMaxScramBytes)
    return malformed("The message is too long, or is not expected here.");
  std::string_view rest = client_first;
  const auto flag = cut(rest);
  const auto authorization_id = cut(rest);
  if (!flag || !authorization_id) return malformed("The message has no header.");
  TRY(check_binding(*flag));
  if (!authorization_id->empty())
    return Error{ErrorCode::NotSupported,
                 "client uses authorization identity, but it is not supported"};
  gs2_header_ = client_first.substr(0, client_first.size() - rest.size());
  client_first_bare_ = rest;
  if (rest.starts_with("m="))
    return Error{ErrorCode::NotSupported, "client requires an unsupported SCRAM extension"};
  const auto user = cut(rest);
  if (!user || !user->starts_with("n=")) return malformed("The message has no user name.");
  // The message may have extensions after the nonce, which are ignored.
  const std::string_view nonce = rest.substr(0, rest.find(','));
  if (!nonce.starts_with("r=") || !is_nonce(nonce.substr(2)))
    return malformed(
        "The message has no nonce, or a nonce with characters that are not "
        "printable.");
  std::optional<std::string> name = decode_sasl_name(user->substr(2));
  if (!name) return malformed("The user name has an equals sign that is not escaped.");
  nonce_ = std::string(nonce.substr(2)) + options_.nonce;
  stage_ = Stage::Challenge;
  return *std::move(name);
}

std::string ScramServer::challenge(Verifier verifier) {
  assert(stage_ == Stage::Challenge && verifier.hash == options_.hash);
  verifier_ = std::move(verifier);
  server_first_ = "r=" + nonce_ + ",s=" + to_base64(verifier_.salt) +
                  ",i=" + std::to_string(verifier_.iterations);
  stage_ = Stage::Final;
  return server_first_;
}

Result<std::string> ScramServer::finish(std::string_view client_final) {
  if (std::exchange(stage_, Stage::Over) != Stage::Final || client_final.size() > kMaxScramBytes)
    return malformed("The message is too long, or is not expected here.");
  const size_t proof_at = client_final.rfind(",p=");
  if (proof_at == std::string_view::npos) return malformed("The message has no proof.");
  const std::string_view without_proof = client_final.substr(0, proof_at);
  std::string_view rest = without_proof;
  const auto binding = cut(rest);
  if (!binding || !binding->starts_with("c="))
    return malformed("The message has no channel binding.");
  const std::string_view nonce = rest.substr(0, rest.find(','));
  const bool is_nonce_of_exchange = options_.takes_longer_nonce
                                        ? nonce.ends_with(nonce_)
                                        : nonce.substr(std::min<size_t>(2, nonce.size())) == nonce_;
  if (!nonce.starts_with("r=") || !is_nonce_of_exchange)
    return malformed("The nonce is not the nonce of this exchange.");
  const std::string expected =
      options_.is_plus ? gs2_header_ + options_.channel_binding : gs2_header_;
  if (binding->substr(2) != to_base64(expected))
    return Error{ErrorCode::InvalidAuthorization, "SCRAM channel binding check failed"};
  const auto proof = from_base64(client_final.substr(proof_at + 3));
  if (!proof || proof->size() != digest_size(options_.hash))
    return malformed("The proof is malformed.");

  const std::string message =
      client_first_bare_ + "," + server_first_ + "," + std::string(without_proof);
  const std::string signature = hmac(options_.hash, verifier_.stored_key, message);
  const std::string client_key = exclusive_or(*proof, signature);
  if (!is_same_secret(digest(options_.hash, client_key), verifier_.stored_key))
    return Error{ErrorCode::InvalidPassword, "password authentication failed"};
  return "v=" + to_base64(hmac(options_.hash, verifier_.server_key, message));
}

}  // namespace server::auth
