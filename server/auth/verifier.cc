#include "server/auth/verifier.h"

#include <fmt/format.h>
#include <unicode/usprep.h>
#include <unicode/ustring.h>

#include <charconv>
#include <memory>
#include <vector>

namespace server::auth {

namespace {

constexpr size_t kMockSaltBytes = 16;  // as long as the salts of real verifiers
constexpr size_t kMostSaltBytes = 256;

Verifier from_salted(Hash hash, std::string_view salted) {
  Verifier verifier;
  verifier.hash = hash;
  verifier.stored_key = digest(hash, hmac(hash, salted, "Client Key"));
  verifier.server_key = hmac(hash, salted, "Server Key");
  return verifier;
}

// Removes the part before `separator`, and the separator, from `text`, and returns the part.
// Returns nullopt if the separator does not occur.
std::optional<std::string_view> cut(std::string_view& text, char separator) {
  const size_t at = text.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at + 1);
  return part;
}

}  // namespace

Verifier verifier_from_salted(Hash hash, std::string_view salted, std::string salt,
                              int iterations) {
  Verifier verifier = from_salted(hash, salted);
  verifier.salt = std::move(salt);
  verifier.iterations = iterations;
  return verifier;
}

Verifier make_verifier(Hash hash, std::string_view password, std::string salt, int iterations) {
  const std::string salted = salted_password(hash, prepared_password(password), salt, iterations);
  return verifier_from_salted(hash, salted, std::move(salt), iterations);
}

std::string_view mechanism_name(Hash hash) {
  return hash == Hash::Sha256 ? "SCRAM-SHA-256" : "SCRAM-SHA-512";
}

std::string to_text(const Verifier& verifier) {
  return fmt::format("{}${}:{}${}:{}", mechanism_name(verifier.hash), verifier.iterations,
                     to_base64(verifier.salt), to_base64(verifier.stored_key),
                     to_base64(verifier.server_key));
}

std::optional<Verifier> parse_verifier(std::string_view text) {
  Verifier verifier;
  const auto mechanism = cut(text, '$');
  if (!mechanism) return std::nullopt;
  if (*mechanism == mechanism_name(Hash::Sha512))
    verifier.hash = Hash::Sha512;
  else if (*mechanism != mechanism_name(Hash::Sha256))
    return std::nullopt;
  const auto iterations = cut(text, ':');
  const auto salt = cut(text, '$');
  const auto stored_key = cut(text, ':');
  if (!iterations || !salt || !stored_key) return std::nullopt;
  const auto [end, error] = std::from_chars(
      iterations->data(), iterations->data() + iterations->size(), verifier.iterations);
  const auto salt_bytes = from_base64(*salt), stored = from_base64(*stored_key),
             server = from_base64(text);
  if (error != std::errc() || end != iterations->data() + iterations->size() ||
      verifier.iterations < 1 || verifier.iterations > kMostIterations || !salt_bytes ||
      salt_bytes->empty() || salt_bytes->size() > kMostSaltBytes || !stored || !server ||
      stored->size() != digest_size(verifier.hash) || server->size() != digest_size(verifier.hash))
    return std::nullopt;
  verifier.salt = *salt_bytes;
  verifier.stored_key = *stored;
  verifier.server_key = *server;
  return verifier;
}

bool matches(const Verifier& verifier, std::string_view password) {
  const std::string salted = salted_password(verifier.hash, prepared_password(password),
                                             verifier.salt, verifier.iterations);
  return is_same_secret(from_salted(verifier.hash, salted).stored_key, verifier.stored_key);
}

Verifier mock_verifier(Hash hash, std::string_view secret, std::string_view user) {
  Verifier verifier;
  verifier.hash = hash;
  verifier.salt = hmac(Hash::Sha256, secret, user).substr(0, kMockSaltBytes);
  // The keys are digests of texts with the secret of this server, not of a password, so no proof
  // matches them.
  verifier.stored_key = hmac(hash, secret, fmt::format("stored {}", user));
  verifier.server_key = hmac(hash, secret, fmt::format("server {}", user));
  return verifier;
}

std::string prepared_password(std::string_view password) {
  bool is_ascii = true;
  for (const char c : password) is_ascii = is_ascii && c >= 0x20 && c < 0x7f;
  if (is_ascii) return std::string(password);
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<UStringPrepProfile, decltype(&usprep_close)> profile(
      usprep_openByType(USPREP_RFC4013_SASLPREP, &status), usprep_close);
  std::vector<UChar> wide(password.size() + 1), prepared(4 * password.size() + 16);
  int32_t size = 0;
  u_strFromUTF8(wide.data(), static_cast<int32_t>(wide.size()), &size, password.data(),
                static_cast<int32_t>(password.size()), &status);
  if (U_FAILURE(status)) return std::string(password);
  size = usprep_prepare(profile.get(), wide.data(), size, prepared.data(),
                        static_cast<int32_t>(prepared.size()), USPREP_DEFAULT, nullptr, &status);
  if (U_FAILURE(status) || size == 0) return std::string(password);
  std::string out(3 * static_cast<size_t>(size) + 1, '\0');
  int32_t out_size = 0;
  u_strToUTF8(out.data(), static_cast<int32_t>(out.size()), &out_size, prepared.data(), size,
              &status);
  if (U_FAILURE(status)) return std::string(password);
  out.resize(static_cast<size_t>(out_size));
  return out;
}

Status check_password(std::string_view password) {
  if (password.empty()) return Error{ErrorCode::InvalidParameter, "a password must not be empty"};
  if (password.size() > kMaxPasswordBytes)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("a password can have at most {} bytes", kMaxPasswordBytes)};
  if (password.find('\0') != std::string_view::npos)
    return Error{ErrorCode::InvalidParameter, "a password must not contain a zero byte"};
  return {};
}

}  // namespace server::auth
