#include "client/admin/scram_client.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace client {

namespace {

// Limits for the number of iterations that the server asks for. With fewer than Kafka's minimum, a
// hostile server could guess the password from the proof; with too many, it could keep the client
// busy.
constexpr int kLeastRounds = 4096, kMostRounds = 10'000'000;
constexpr std::string_view kNoBinding = "n,,";

const EVP_MD* digest_of(ScramHash hash) {
  return hash == ScramHash::Sha256 ? EVP_sha256() : EVP_sha512();
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string hmac(const EVP_MD* digest, std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned int size = 0;
  HMAC(digest, key.data(), static_cast<int>(key.size()), bytes_of(text), text.size(), out.data(),
       &size);
  return {reinterpret_cast<const char*>(out.data()), size};
}

std::string hashed(const EVP_MD* digest, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), out.data(), &size, digest, nullptr);
  return {reinterpret_cast<const char*>(out.data()), size};
}

std::string salted(const EVP_MD* digest, const std::string& password, std::string_view salt,
                   int rounds) {
  std::string out(static_cast<size_t>(EVP_MD_get_size(digest)), '\0');
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes_of(salt),
                    static_cast<int>(salt.size()), rounds, digest, static_cast<int>(out.size()),
                    reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

std::string to_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes_of(bytes),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), bytes_of(text),
                                   static_cast<int>(text.size()));
  if (size < 0 || text.empty()) return std::nullopt;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  bytes.resize(static_cast<size_t>(size) - padding);
  return bytes;
}

// Returns the value of one letter in "r=...,s=...,i=...".
std::optional<std::string_view> attribute(std::string_view message, char letter) {
  while (!message.empty()) {
    const size_t comma = message.find(',');
    const std::string_view part = message.substr(0, comma);
    if (part.size() >= 2 && part[0] == letter && part[1] == '=') return part.substr(2);
    if (comma == message.npos) break;
    message.remove_prefix(comma + 1);
  }
  return std::nullopt;
}

std::string as_saslname(std::string_view user) {
  std::string name;
  for (const char c : user) {
    if (c == ',')
      name += "=2C";
    else if (c == '=')
      name += "=3D";
    else
      name += c;
  }
  return name;
}

Error unexpected(std::string_view message) {
  return {ErrorCode::ProtocolViolation,
          fmt::format("SASL: the answer of the server is not a SCRAM message: {}", message)};
}

}  // namespace

ScramClient::ScramClient(ScramHash hash, std::string_view user, std::string password,
                         std::string nonce)
    : hash_(hash),
      first_bare_(fmt::format("n={},r={}", as_saslname(user), nonce)),
      password_(std::move(password)),
      nonce_(std::move(nonce)) {}

std::string ScramClient::first() const { return std::string(kNoBinding) + first_bare_; }

Result<std::string> ScramClient::final(std::string_view server_first) {
  const auto nonce = attribute(server_first, 'r'), count = attribute(server_first, 'i');
  const auto salt = from_base64(attribute(server_first, 's').value_or(""));
  int rounds = 0;
  if (count) std::from_chars(count->data(), count->data() + count->size(), rounds);
  if (!nonce || !salt || !nonce->starts_with(nonce_) || nonce->size() == nonce_.size())
    return unexpected(server_first);
  if (rounds < kLeastRounds || rounds > kMostRounds)
    return unexpected(fmt::format("{} rounds", rounds));
  const EVP_MD* const digest = digest_of(hash_);
  const std::string key = salted(digest, password_, *salt, rounds);
  const std::string client_key = hmac(digest, key, "Client Key");
  const std::string without_proof = fmt::format("c={},r={}", to_base64(kNoBinding), *nonce);
  const std::string whole = fmt::format("{},{},{}", first_bare_, server_first, without_proof);
  std::string proof = hmac(digest, hashed(digest, client_key), whole);
  for (size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ client_key[i]);
  server_signature_ = to_base64(hmac(digest, hmac(digest, key, "Server Key"), whole));
  return fmt::format("{},p={}", without_proof, to_base64(proof));
}

Status ScramClient::check(std::string_view server_final) const {
  const auto signature = attribute(server_final, 'v');
  if (signature && !server_signature_.empty() && *signature == server_signature_) return {};
  return Error{ErrorCode::InvalidAuthorization,
               "SASL: the server does not know the password of this user, so it may be a server "
               "with a false identity"};
}

std::string new_client_nonce() {
  std::array<unsigned char, 18> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  return to_base64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace client
