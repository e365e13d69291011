// The digests for passwords, over OpenSSL. The functions keep no state.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace server::auth {

enum class Hash : uint8_t { Sha256, Sha512 };

size_t digest_size(Hash hash);
std::string digest(Hash hash, std::string_view bytes);
std::string hmac(Hash hash, std::string_view key, std::string_view bytes);
// Returns the PBKDF2 digest of the password with the HMAC of this hash; the digest is as long as
// one hash. Takes about a millisecond for 4096 iterations.
std::string salted_password(Hash hash, std::string_view password, std::string_view salt,
                            int iterations);

// Compares the secrets in a time that does not depend on their bytes. The lengths are not secret.
bool is_same_secret(std::string_view a, std::string_view b);

// Returns random bytes of the system, for secrets. Ends the process if the system has no random
// bytes, since nothing would be secure.
std::string random_bytes(size_t size);

std::string to_base64(std::string_view bytes);
// Decodes base64 of the standard alphabet with padding. Returns nullopt for any other text.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace server::auth
