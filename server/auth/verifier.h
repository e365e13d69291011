// What is kept of a password: enough to check it, too little to know it (RFC 5802).
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/auth/digest.h"

namespace server::auth {

inline constexpr int kDefaultIterations = 4096;
// Whoever gives a verifier with more would let each check of a password take a second.
inline constexpr int kMostIterations = 100'000;
// A longer one cannot be typed; what comes before authentication has bounds.
inline constexpr size_t kMaxPasswordBytes = 1024;

// As text it is PostgreSQL's: SCRAM-SHA-256$4096:salt$StoredKey:ServerKey, the last three in base64.
struct Verifier {
  Hash hash = Hash::Sha256;
  int iterations = kDefaultIterations;
  std::string salt, stored_key, server_key;
  bool operator==(const Verifier&) const = default;
};

Verifier make_verifier(Hash hash, std::string_view password, std::string salt,
                       int iterations = kDefaultIterations);
// From what a client has salted by itself, as Kafka's tools do.
Verifier verifier_from_salted(Hash hash, std::string_view salted, std::string salt, int iterations);

// "SCRAM-SHA-256"
std::string_view mechanism_name(Hash hash);

std::string to_text(const Verifier& verifier);
// Nothing when it is none: then PASSWORD '...' is a password.
std::optional<Verifier> parse_verifier(std::string_view text);

// Takes as long as making one.
bool matches(const Verifier& verifier, std::string_view password);

// A verifier that no password matches, for users that are not there: the same for the same name, so that asking twice
// tells nothing. `secret` is the server's own.
Verifier mock_verifier(Hash hash, std::string_view secret, std::string_view user);

// As RFC 4013 wants it (SASLprep); where that refuses it, the bytes themselves, as PostgreSQL does.
std::string prepared_password(std::string_view password);

// Fails with InvalidParameter: empty, too long, or with a zero byte.
Status check_password(std::string_view password);

}  // namespace server::auth
