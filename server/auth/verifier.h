// The stored form of a password: enough to check it, too little to recover it (RFC 5802).
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/auth/digest.h"

namespace server::auth {

inline constexpr int kDefaultIterations = 4096;
// Bounded, since with more iterations each check of a password could take a second.
inline constexpr int kMostIterations = 100'000;
// No user types a longer password, and input before authentication has to be bounded.
inline constexpr size_t kMaxPasswordBytes = 1024;

// Its text form is PostgreSQL's: SCRAM-SHA-256$4096:salt$StoredKey:ServerKey, the last three in
// base64.
struct Verifier {
  Hash hash = Hash::Sha256;
  int iterations = kDefaultIterations;
  std::string salt, stored_key, server_key;
  bool operator==(const Verifier&) const = default;
};

Verifier make_verifier(Hash hash, std::string_view password, std::string salt,
                       int iterations = kDefaultIterations);
// For a password that the client has salted itself, as Kafka's tools do.
Verifier verifier_from_salted(Hash hash, std::string_view salted, std::string salt, int iterations);

// "SCRAM-SHA-256"
std::string_view mechanism_name(Hash hash);

std::string to_text(const Verifier& verifier);
// Returns nothing if the text is not a verifier: then PASSWORD '...' is a password.
std::optional<Verifier> parse_verifier(std::string_view text);

// Takes as long as making a verifier.
bool matches(const Verifier& verifier, std::string_view password);

// A verifier that no password matches, for users that do not exist. It depends only on the name, so
// that repeated attempts reveal nothing. `secret` is the server's own.
Verifier mock_verifier(Hash hash, std::string_view secret, std::string_view user);

// Normalized by RFC 4013 (SASLprep); if that rejects the password, its bytes unchanged, as in
// PostgreSQL.
std::string prepared_password(std::string_view password);

// Fails with InvalidParameter: empty, too long, or with a zero byte.
Status check_password(std::string_view password);

}  // namespace server::auth
