#include "server/auth/scram_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "server/auth/verifier.h"

namespace server::auth {

namespace {

// With fewer rounds than Kafka's own minimum, a server could guess the password from the proof.
constexpr int kLeastRounds = 4096;
constexpr int kRoundsPerStep = 250;
constexpr std::string_view kNoBinding = "n,,";

// Returns the value of one letter in "r=...,s=...,i=...".
std::optional<std::string_view> attribute(std::string_view message, char letter) {
  while (!message.empty()) {
    const std::string_view part = message.substr(0, message.find(','));
    if (part.size() >= 2 && part[0] == letter && part[1] == '=') return part.substr(2);
    message.remove_prefix(std::min(message.size(), part.size() + 1));
  }
  return std::nullopt;
}

std::string encode_sasl_name(std::string_view name) {
  std::string encoded;
  for (const char c : name) {
    if (c == ',')
      encoded += "=2C";
    else if (c == '=')
      encoded += "=3D";
    else
      encoded += c;
  }
  return encoded;
}

std::string xored(std::string a, std::string_view b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<char>(a[i] ^ b[i]);
  return a;
}

Error malformed_scram(std::string_view problem) {
  return {ErrorCode::ProtocolViolation,
          fmt::format("SCRAM: the message of the server {}", problem)};
}

}  // namespace

std::string plain_message(std::string_view user, std::string_view password) {
  return fmt::format("{}{}{}{}", '\0', user, '\0', password);
}

ScramClient::ScramClient(Hash hash, std::string_view user, std::string password, std::string nonce)
    : hash_(hash),
      first_bare_(fmt::format("n={},r={}", encode_sasl_name(user), nonce)),
      password_(std::move(password)),
      nonce_(std::move(nonce)) {}

std::string ScramClient::first() const { return std::string(kNoBinding) + first_bare_; }

Status ScramClient::begin(std::string_view server_first) {
  const auto nonce = attribute(server_first, 'r'), count = attribute(server_first, 'i');
  const auto salt = from_base64(attribute(server_first, 's').value_or(""));
  if (!nonce || !count || !salt || salt->empty())
    return malformed_scram("has no nonce, salt or rounds");
  if (!nonce->starts_with(nonce_) || nonce->size() == nonce_.size())
    return malformed_scram("has a nonce of another exchange");
  int rounds = 0;
  const auto [end, error] = std::from_chars(count->data(), count->data() + count->size(), rounds);
  if (error != std::errc() || end != count->data() + count->size() || rounds < kLeastRounds ||
      rounds > kMostIterations)
    return malformed_scram(fmt::format("requests a number of rounds that is not between {} and {}",
                                       kLeastRounds, kMostIterations));
  server_first_ = server_first;
  whole_nonce_ = *nonce;
  // The first round of PBKDF2 (RFC 8018) hashes the salt with the number of the block.
  round_ = hmac(hash_, password_, *salt + std::string("\0\0\0\1", 4));
  salted_ = round_;
  rounds_left_ = rounds - 1;
  return {};
}

bool ScramClient::work() {
  for (int i = 0; i < kRoundsPerStep && rounds_left_ > 0; ++i, --rounds_left_) {
    round_ = hmac(hash_, password_, round_);
    salted_ = xored(std::move(salted_), round_);
  }
  return rounds_left_ == 0;
}

std::string ScramClient::final() {
  const std::string client_key = hmac(hash_, salted_, "Client Key");
  const std::string without_proof = fmt::format("c={},r={}", to_base64(kNoBinding), whole_nonce_);
  const std::string whole = fmt::format("{},{},{}", first_bare_, server_first_, without_proof);
  const std::string signature = hmac(hash_, digest(hash_, client_key), whole);
  server_signature_ = hmac(hash_, hmac(hash_, salted_, "Server Key"), whole);
  return fmt::format("{},p={}", without_proof, to_base64(xored(client_key, signature)));
}

Status ScramClient::check(std::string_view server_final) const {
  const auto signature = from_base64(attribute(server_final, 'v').value_or(""));
  if (signature && !server_signature_.empty() && is_same_secret(*signature, server_signature_))
    return {};
  if (attribute(server_final, 'e'))
    return Error{ErrorCode::InvalidPassword, "SCRAM: the server refused the password"};
  return Error{ErrorCode::InvalidPassword,
               "SCRAM: the server does not know the password of this user, so it may be a server "
               "with a false identity"};
}

}  // namespace server::auth
