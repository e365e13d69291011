// The stored form of a password, with which a password can be checked, but not recovered (RFC
// 5802).
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/auth/digest.h"

namespace server::auth {

inline constexpr int kDefaultIterations = 4096;
// The iterations are limited, because with more of them each check of a password could take a
// second.
inline constexpr int kMostIterations = 100'000;
// Limit for passwords, because a client that has not authenticated yet must not make the server
// process long input. Real passwords are shorter.
inline constexpr size_t kMaxPasswordBytes = 1024;

// A verifier. Its text form is PostgreSQL's, SCRAM-SHA-256$4096:salt$StoredKey:ServerKey, with the
// salt and the keys in base64.
struct Verifier {
  Hash hash = Hash::Sha256;
  int iterations = kDefaultIterations;
  std::string salt, stored_key, server_key;
  bool operator==(const Verifier&) const = default;
};

Verifier make_verifier(Hash hash, std::string_view password, std::string salt,
                       int iterations = kDefaultIterations);
// Returns the verifier of a password that the client has already salted and hashed, as Kafka's
// tools do.
Verifier verifier_from_salted(Hash hash, std::string_view salted, std::string salt, int iterations);

// Returns the name of the mechanism, such as "SCRAM-SHA-256".
std::string_view mechanism_name(Hash hash);

std::string to_text(const Verifier& verifier);
// Returns nullopt if the text is not a verifier; PASSWORD '...' then contains a plain password.
std::optional<Verifier> parse_verifier(std::string_view text);

// Returns whether the verifier was made from this password. Takes as long as make_verifier().
bool matches(const Verifier& verifier, std::string_view password);

// Returns a verifier that no password matches, for users that do not exist. It depends only on
// `secret` (the secret of this server) and the user's name: repeated attempts get the same salt, as
// for a user that exists, so they do not reveal whether the user exists.
Verifier mock_verifier(Hash hash, std::string_view secret, std::string_view user);

// Returns the password in the normal form of RFC 4013 (SASLprep). If SASLprep rejects the password,
// it is returned unchanged, as in PostgreSQL.
std::string prepared_password(std::string_view password);

// Checks a new password. Fails with InvalidParameter if it is empty, too long, or has a zero byte.
Status check_password(std::string_view password);

}  // namespace server::auth
