// The signature algorithms of JSON Web Tokens (RFC 7518, section 3), over OpenSSL.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace server::auth::oauth {

enum class KeyType : uint8_t {
  Rsa,
  Ec,
  Secret,  // a secret that the server and the issuer share
};

struct Algorithm {
  std::string_view name;  // the value of `alg`
  KeyType key_type;
  int hash_bits;           // size of the SHA-2 hash
  bool has_pss = false;    // RSA: PSS instead of PKCS #1 v1.5
  int curve_bytes = 0;     // EC: size of a coordinate, and of each half of a signature
  const char* curve = "";  // EC: OpenSSL's name of the curve
};
// Returns the supported algorithm of this name, or null. `none` is not supported.
const Algorithm* find_algorithm(std::string_view name);
// Returns the names of all algorithms with public keys, separated by commas.
std::string_view algorithm_names();

// RFC 7518 demands keys of at least this size.
inline constexpr int kLeastRsaBits = 2048;
// Larger keys are refused, because a check with them takes milliseconds.
inline constexpr int kMostRsaBits = 16384;
inline constexpr size_t kLeastSecretBytes = 32;  // the size of HS256's hash

// A public key. Shared and immutable.
using PublicKey = std::shared_ptr<evp_pkey_st>;
// Make a key of unsigned big-endian numbers. Return null if the numbers do not form a valid key, or if the key is too
// short or too long.
PublicKey rsa_key(std::string_view modulus, std::string_view exponent);
PublicKey ec_key(const Algorithm& algorithm, std::string_view x, std::string_view y);

// Returns whether the signature of `text` was made with the key. The key must have the algorithm's type and curve.
bool is_signed_by(const PublicKey& key, const Algorithm& algorithm, std::string_view text,
                  std::string_view signature);
// Returns whether the signature of `text` is its HMAC with the secret.
bool is_signed_with(std::string_view secret, std::string_view text, std::string_view signature);

}  // namespace server::auth::oauth
